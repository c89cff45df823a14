"""Rows that belong together: picking whole groups of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd


def take_groups(table: pd.DataFrame, by: str, names: Sequence[Any] | np.ndarray) -> pd.DataFrame:
    """The rows of some groups: groups in the order of `names`, the rows of a group in the table's order.

    Args:
        table: any table.
        by: the column that names a row's group.
        names: the groups wanted, none twice; one without rows is skipped.
    """
    place = pd.Index(names).get_indexer(pd.Index(table[by]))
    wanted = np.flatnonzero(place >= 0)
    return table.iloc[wanted[np.argsort(place[wanted], kind="stable")]]
