"""The training tables: which answers an agent may legitimately learn from their columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks import readings
from mlebench.preparation.audit.checks.once import once
from mlebench.preparation.audit.seen.tables import SeenTable, tables_of
from mlebench.preparation.audit.truth import Target

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 20_000
_LOOKED_AT = 500


class Taught(NamedTuple):
    """Rows of a training table with their answers."""

    cells: pd.DataFrame
    """Shape (rows, columns), text."""
    answers: np.ndarray
    """Shape (rows,): as `Target.values`."""


@once
def training_tables(case: Case) -> Sequence[SeenTable]:
    """Tables of training rows."""
    return [table for table in tables_of(case.seen) if case.labels.is_train(table.path)]


def taught(case: Case, target: Target, column: str) -> Taught | None:
    """Training rows that have a column, with their answers; None if there are none."""
    for table in training_tables(case):
        # a table with answers whose other rows have this column is not a training table for it
        if column not in table.columns or case.labels.tables.get(table.path, ("", ""))[1] == column:
            continue
        cells = _head_of(case, table.path)
        if cells is None:
            continue
        answers = _answers(case, target, table, cells)
        if answers is None:
            continue
        known = np.array([answer is not None and answer == answer for answer in answers], dtype=bool)
        values = answers[known].astype(np.float64) if target.kind == "number" else answers[known]
        return Taught(cells[known], values)
    return None


@once
def _head_of(case: Case, path: str) -> pd.DataFrame | None:
    """The first rows of a training table."""
    for table in training_tables(case):
        if table.path == path:
            return table.read(MOST_ROWS)
    return None


def has_column(case: Case, column: str) -> bool:
    """Whether a table of training rows has a column of this name."""
    return any(column in table.columns for table in training_tables(case))


def share_equal(case: Case, column: str, target: Target) -> float | None:
    """In which share of training rows a column says the answer; None if training rows have no such column."""
    if column in target.columns:
        return None
    known = taught(case, target, column)
    if known is None or not len(known.answers):
        return None
    cells = known.cells[column].astype(str)
    equal = [readings.normal(cell) == readings.normal(str(answer)) for cell, answer in zip(cells, known.answers, strict=True)]
    return float(np.mean(equal))


def _answers(case: Case, target: Target, table: SeenTable, cells: pd.DataFrame) -> np.ndarray | None:
    """The answers of the rows of a table, shape (rows,) object, None if unknown; None if all are."""
    named = case.labels.tables.get(table.path, ("", ""))[0]
    if not named and table.path in case.labels.tables:
        units = np.array([f"{table.path}:{row}" for row in range(len(cells))], dtype=object)
        return case.labels.values(target.name, units)
    for column in [named] if named in cells.columns else list(cells.columns):
        head = case.labels.values(target.name, cells[column].astype(str).to_numpy(dtype=object)[:_LOOKED_AT])
        if np.mean([answer is not None for answer in head] or [False]) >= 0.5:
            return case.labels.values(target.name, cells[column].astype(str).to_numpy(dtype=object))
    return None
