"""The form of a submission: ten value tables over states and actions, and how often to act at random."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from grading import Column, Probability, Real

TABLES = 10
"""Value tables in a submission."""
ACTIONS = 2
LARGEST = 100.0
"""Bound on a value."""

VALUE_COLUMNS = [f"a{action}_{table:02d}" for table in range(1, TABLES + 1) for action in range(ACTIONS)]
"""Ordered by table, then action."""


def value_columns() -> Mapping[str, Column]:
    """The kind of each column."""
    return {"explore": Probability(), **dict.fromkeys(VALUE_COLUMNS, Real(-LARGEST, LARGEST))}


def value_table(row_ids: pd.Series | list[str], values: np.ndarray, explore: np.ndarray | float = 0.0) -> pd.DataFrame:
    """A submission.

    Args:
        row_ids: one per state.
        values: value of each action under each table, shape (states, tables, actions); a single table is used for all.
        explore: probability of a random action, one number or one per state.
    """
    every = np.broadcast_to(values, (len(values), TABLES, ACTIONS)).reshape(len(values), -1)
    table = pd.DataFrame(every, columns=VALUE_COLUMNS)
    table.insert(0, "row_id", list(row_ids))
    table.insert(1, "explore", explore)
    return table


def row_ids(problem: str, depth: int) -> list[str]:
    """Row ids of a sea's states, in the order of `states`."""
    return [f"{problem}-{row:02d}-{column:02d}" for row, column in states(depth)]


def states(depth: int) -> list[tuple[int, int]]:
    """Row and column of every reachable state, by row."""
    return [(row, column) for row in range(depth) for column in range(row + 1)]
