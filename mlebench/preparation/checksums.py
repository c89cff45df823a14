"""Md5 sums of prepared tables, and differences that a person can read."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from mlebench._support.files import write_json

_CACHE = ".checksums.json"


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


class ChecksumCache:
    """Checksums that were computed before, valid for as long as a file's size and times stay the same."""

    def __init__(self, path: Path) -> None:
        """Read what lies at `path`, if anything."""
        self._path = path
        self._known: dict[str, list[object]] = {}
        self._changed = False
        with contextlib.suppress(OSError, ValueError, TypeError):
            self._known = dict(json.loads(path.read_text(encoding="utf-8")))

    @classmethod
    @contextlib.contextmanager
    def of(cls, folder: Path) -> Iterator[ChecksumCache]:
        """The cache in `folder`, written back at the end if it can be."""
        cache = cls(folder / _CACHE)
        try:
            yield cache
        finally:
            with contextlib.suppress(OSError):
                cache._save()

    def md5(self, path: Path) -> str:
        """The md5 of a file."""
        return self._look_up("md5", path, md5)

    def content(self, path: Path) -> str:
        """The content hash of a parquet table."""
        from mlebench.preparation.table_digest import table_digest

        return self._look_up("content", path, table_digest)

    def _look_up(self, kind: str, path: Path, compute: Callable[[Path], str]) -> str:
        found = path.stat()
        key = f"{kind} {os.path.relpath(path, self._path.parent)}"
        state = [found.st_size, found.st_mtime_ns, found.st_ino]
        known = self._known.get(key)
        if known is not None and known[:-1] == state:
            return str(known[-1])
        digest = compute(path)
        self._known[key] = [*state, digest]
        self._changed = True
        return digest

    def _save(self) -> None:
        if self._changed:
            kept = {key: value for key, value in self._known.items() if (self._path.parent / key.partition(" ")[2]).exists()}
            write_json(self._path, kept)
