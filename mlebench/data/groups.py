"""Rows that belong together: picking whole groups of a table, and finding files with equal contents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlebench._support.checksums import md5
from mlebench.data.raw_faults import missing


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


def same_content(files: Iterable[Path]) -> list[str]:
    """One name per file, equal for files with equal bytes; only files that share their size with another one are read.

    Raises:
        RawDataFault: if a file is missing.
    """
    files = list(files)
    try:
        sizes = pd.Series([file.stat().st_size for file in files])
        shared = sizes.duplicated(keep=False)
        return [f"{size} {md5(file)}" if read else str(size) for file, size, read in zip(files, sizes, shared, strict=True)]
    except FileNotFoundError as error:
        raise missing(error.filename) from None
