"""The optional packages that preparing competitions takes, checked before the first byte is downloaded."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mlebench._support.extras import extras_explained
from mlebench.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    from mlebench.registry import Competition

_READ_BY = {".7z": ("py7zr",), ".parquet": ("pyarrow", "fastparquet")}
"""What reads and writes the files of a format."""


def require_packages(competitions: Sequence[Competition]) -> None:
    """Refuse to begin where a package is missing without which the raw data of a competition cannot be read.

    Raises:
        MissingExtra: with the command that installs it.
    """
    for competition in competitions:
        try:
            _import_code(competition)
            _find_readers(competition)
        except MissingExtra as missing:
            raise MissingExtra(f"{competition.id}: {missing}") from None


def _import_code(competition: Competition) -> None:
    try:
        _ = competition.prepare_fn
    except MissingExtra:
        raise
    except UsageError:
        # any other fault of a folder is an outcome of that competition alone
        return


def _find_readers(competition: Competition) -> None:
    files = competition.facts.files
    suffixes = {PurePosixPath(name).suffix for name in (*competition.facts.raw, *files.public, *files.private)}
    with extras_explained():
        for package in (package for suffix, packages in _READ_BY.items() if suffix in suffixes for package in packages):
            if importlib.util.find_spec(package) is None:
                raise ModuleNotFoundError(f"No module named {package!r}", name=package)
