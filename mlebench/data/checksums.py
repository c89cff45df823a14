"""Md5 sums of prepared tables, and differences that a person can read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Difference(NamedTuple):
    """A prepared file that is not what was published."""

    path: str
    expected: str
    found: str | None
    """None where the file is missing."""

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.path} is missing (expected md5 {self.expected})"
        return f"{self.path} has md5 {self.found}, expected {self.expected}"


def md5(path: Path) -> str:
    """The md5 of a file as 32 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def differences(folder: Path, expected: Mapping[str, str]) -> list[Difference]:
    """Compare files below `folder` with their published md5.

    Args:
        folder: where the paths start.
        expected: md5 by path.

    Returns:
        One entry per file that differs or is missing.
    """
    found = {path: md5(folder / path) if (folder / path).is_file() else None for path in expected}
    return [Difference(path, expected[path], found[path]) for path in expected if found[path] != expected[path]]
