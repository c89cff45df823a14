"""Counts that the real download comes to: rows of a table, files of a folder, members of an archive.

Some of them are general knowledge rather than measured, so a different count is told and stops nothing; md5 sums decide.
"""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path


def count_differences(prepared: Path, expected: Mapping[str, int]) -> list[str]:
    """A sentence for each path that holds more or less than expected.

    Args:
        prepared: the folder that the paths start from.
        expected: count by path. A folder may be counted by its entries or by all files below it.
    """
    told = []
    for name, count in expected.items():
        found = _counts(prepared / name)
        if found and count not in found:
            told.append(f"{name} holds {found[0]:,}, expected {count:,}")
    return told


def _counts(path: Path) -> list[int]:
    """The counts that `path` may be said to have; none where it cannot be counted."""
    if path.is_dir():
        return [sum(1 for _ in path.iterdir()), sum(len(names) for _, _, names in os.walk(path))]
    if not path.is_file():
        return []
    # what pandas raises for tables it cannot read are ValueErrors
    with contextlib.suppress(ValueError, zipfile.BadZipFile):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                return [sum(not member.is_dir() for member in archive.infolist())]
        if path.suffix in (".csv", ".jsonl"):
            return [_rows(path)]
    return []


def _rows(path: Path) -> int:
    if path.suffix == ".jsonl":
        with path.open("rb") as file:
            return sum(1 for line in file if line.strip())
    import pandas as pd

    parts = pd.read_csv(path, usecols=[0], dtype=str, keep_default_na=False, chunksize=1_000_000)
    return sum(len(part) for part in parts)
