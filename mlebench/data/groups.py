"""Rows that belong together: picking whole groups of a table, uniting groups, and finding files with equal contents."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlebench._support.ahead import worked_ahead
from mlebench._support.checksums import md5
from mlebench.data.raw_faults import missing, some_missing
from mlebench.data.workers import allowed

_LOOK = 4096
"""Bytes from the middle of a file that tell most files of one size apart."""
_BATCH = 64
"""Files that a thread reads at a time."""


def take_groups(table: pd.DataFrame, by: str, names: Sequence[Any] | np.ndarray) -> pd.DataFrame:
    """The rows of some groups: groups in the order of `names`, the rows of a group in the table's order.

    Args:
        table: any table.
        by: the column that names a row's group.
        names: the groups wanted, none twice; one without rows is skipped.
    """
    return table.iloc[group_rows(table[by], names)]


def group_rows(groups: pd.Series, names: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Where the rows of some groups stand, from 0: groups in the order of `names`, the rows of a group in their order.

    Args:
        groups: the group of each row; text may come as categories.
        names: the groups wanted, none twice; one without rows is skipped.
    """
    if isinstance(groups.dtype, pd.CategoricalDtype):
        # the last place stands for rows without a group
        place = np.append(pd.Index(names).get_indexer(groups.cat.categories), -1)[groups.cat.codes]
    else:
        place = pd.Index(names).get_indexer(pd.Index(groups))
    wanted = np.flatnonzero(place >= 0)
    found: np.ndarray = wanted[np.argsort(place[wanted], kind="stable")]
    return found


def united(*groups: Sequence[Any] | np.ndarray | pd.Series) -> np.ndarray:
    """Groups out of several kinds of groups: rows that share a group of any kind, be it through other rows, are in one.

    Args:
        groups: the group of each of n rows, kind by kind; a missing one stands for none.

    Returns:
        The position of the first row of each row's group, shape (n,).
    """
    codes = [pd.factorize(pd.Series(list(of_kind)))[0] for of_kind in groups]
    first = np.arange(len(codes[0]))
    while True:
        before = first.copy()
        for of_kind in codes:
            grouped = of_kind >= 0
            lowest = np.full(of_kind.max(initial=0) + 1, len(first))
            np.minimum.at(lowest, of_kind[grouped], first[grouped])
            first[grouped] = lowest[of_kind[grouped]]
        # a chain of groups shortens by half each time
        first = first[first]
        if (first == before).all():
            return first


def same_content(files: Iterable[Path]) -> list[str]:
    """One name per file, equal for files with equal bytes.

    Of files that share their size a little is read, and those that still agree are read whole.

    Raises:
        RawDataFault: if a file is missing.
    """
    return same_files([(file,) for file in files])


def same_files(rows: Sequence[Sequence[Path]]) -> list[str]:
    """One name per row of files, equal for rows whose files have equal bytes, in any order (see `same_content`).

    Raises:
        RawDataFault: if a file is missing.
    """
    told = pd.Series(["" for _ in rows], dtype=object)
    read = np.ones(len(rows), dtype=bool)
    for look in (_size, _middle, md5):
        told[read] += _looked_at([row for row, is_read in zip(rows, read, strict=True) if is_read], look)
        read = told.duplicated(keep=False).to_numpy()
    return told.tolist()


def same_folders(folders: Iterable[Path]) -> list[str]:
    """One name per folder, equal for folders that hold equal files at all depths, whatever these are called.

    Raises:
        RawDataFault: if a folder is missing.
    """
    return same_files([_files_below(folder) for folder in folders])


def same_members(archive: zipfile.ZipFile, names: Iterable[str]) -> list[str]:
    """One name per member of an open zip, equal for members with equal bytes; only those of one size and CRC-32 are read.

    Raises:
        RawDataFault: if the zip lacks members.
    """
    names = list(names)
    if lacking := [name for name in names if name not in archive.NameToInfo]:
        raise some_missing(lacking, Path(archive.filename or "the zip"))
    entries = [archive.NameToInfo[name] for name in names]
    told = [f"{entry.file_size} {entry.CRC}" for entry in entries]
    for place in np.flatnonzero(pd.Series(told, dtype=object).duplicated(keep=False)).tolist():
        with archive.open(entries[place]) as content:
            told[place] += f" {hashlib.file_digest(content, 'md5').hexdigest()}"  # type: ignore[arg-type]
    return told


def _looked_at(rows: Sequence[Sequence[Path]], look: Callable[[Path], str]) -> list[str]:
    def look_at(batch: Sequence[Sequence[Path]]) -> list[str]:
        return [f"{' '.join(sorted(map(look, files)))} " for files in batch]

    batches = (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))
    try:
        return [name for names in worked_ahead(look_at, batches, allowed()) for name in names]
    except FileNotFoundError as error:
        raise missing(error.filename) from None


def _size(file: Path) -> str:
    return str(file.stat().st_size)


def _middle(file: Path) -> str:
    with file.open("rb", buffering=0) as opened:
        size = os.fstat(opened.fileno()).st_size
        return hashlib.md5(os.pread(opened.fileno(), _LOOK, max(0, (size - _LOOK) // 2))).hexdigest()


def _files_below(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise missing(f"the folder {folder}")
    return [Path(place, name) for place, _, names in os.walk(folder, followlinks=True) for name in names]
