"""`predictive-columns`: columns of the test side that the task text does not name and that predict, or settle, the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

from grading.printable import printable
from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks import statistics, training
from mlebench.preparation.audit.checks.asked import Asked, asked_of
from mlebench.preparation.audit.checks.comparing import classes_of, named
from mlebench.preparation.audit.checks.described import described, named_itself
from mlebench.preparation.audit.checks.linked import Linked, is_sample, linked_tables
from mlebench.preparation.audit.checks.predicting import Bounds, predicted
from mlebench.preparation.audit.checks.sizes_and_times import as_numbers
from mlebench.preparation.audit.checks.statistics import Family
from mlebench.preparation.audit.clue import Clue

NAME = "predictive-columns"
_UNNAMED = Bounds()
_SETTLED = Bounds(auc=0.999, r2=0.995)
_LEAST_ROWS = 30
_LEAST_NAMED = 0.5
"""Where the task text names fewer of a table's columns, not to be named says nothing."""
_LONGEST = 120
_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?", "[]", "{}"})
_SELDOM, _MOSTLY = 0.05, 0.5
_MOST_FREQUENT = 0.7
"""A more frequent class is had by rows with a value without any leak."""


def predictive_columns(case: Case) -> Iterator[Clue]:
    """Columns of tables with test rows, one at a time."""
    family, settled = Family(), Family()
    for source in linked_tables(case):
        if is_sample(case, source.table.path):
            continue
        names = [column for column in source.columns if column not in case.truth.known]
        unnamed = {column for column in names if not described(case, column, names)}
        tells = len(names) - len(unnamed) >= _LEAST_NAMED * len(names)
        for question in asked_of(case.truth, source.units, len(source.cells)):
            for column in names:
                clue = _clue(case, source, column, question, column in unnamed, tells, (family, settled))
                if clue is not None:
                    yield clue


def _clue(
    case: Case, source: Linked, column: str, question: Asked, unnamed: bool, tells: bool, families: tuple[Family, Family]
) -> Clue | None:
    cells = source.cells[column].to_numpy(dtype=object).astype(str)
    if len(np.unique(cells)) < 2 or np.char.str_len(cells[:50]).mean() > _LONGEST:
        return None
    if len(cells) < _LEAST_ROWS:
        return _by_presence(case, source, column, question, families[1])
    absent = not training.has_column(case, column)
    added = absent and not named_itself(case, column) and _is_like_training(case, source, column)
    if added or (unnamed and (tells or absent)):
        found = predicted(features_of(cells), question, families[0], _UNNAMED)
        if found is not None:
            why = "the task text does not mention" if unnamed else "training rows do not have"
            what = f"the column {printable(column, 40)}, which {why}, predicts"
            return Clue(NAME, source.table.path, f"{what} {printable(question.target.name, 40)} {found.quality}", (found.guess,))
    found = predicted(features_of(cells), question, families[1], _SETTLED)
    if found is not None and not _settles_training(case, column, question):
        what = f"the column {printable(column, 40)} settles"
        return Clue(NAME, source.table.path, f"{what} {printable(question.target.name, 40)} {found.quality}", (found.guess,))
    return _by_presence(case, source, column, question, families[1])


def _is_like_training(case: Case, source: Linked, column: str) -> bool:
    """Whether all other columns of a table are those of a table of training rows."""
    others = {*source.cells.columns} - {column} - case.truth.known
    return bool(others) and any(others <= {*table.columns} for table in training.training_tables(case))


def _settles_training(case: Case, column: str, question: Asked) -> bool:
    """Whether the answers of training rows follow from the column as well, which then is the task, or nothing that is hidden."""
    known = training.taught(case, question.target, column)
    if known is None or len(known.answers) < _LEAST_ROWS:
        return False
    rows = np.arange(len(known.answers))
    target = replace(question.target, values=known.answers)
    cells = known.cells[column].to_numpy(dtype=object).astype(str)
    return predicted(features_of(cells), Asked(target, rows), Family(), _SETTLED) is not None


def _by_presence(case: Case, source: Linked, column: str, question: Asked, family: Family) -> Clue | None:
    """A column that is mostly missing, and present for rows of one class alone, in training rows as well if they have it."""
    target = question.target
    if target.kind != "class":
        return None
    present = _is_present(source.cells[column])
    if not _SELDOM < present.mean() < _MOSTLY:
        return None
    answers = classes_of(target)
    family.tried += 1
    place = int(np.bincount(answers[present]).argmax())
    known = training.taught(case, target, column)
    taught = np.zeros(0, dtype=bool) if known is None else known.answers == target.classes[place]
    has_value = np.zeros(0, dtype=bool) if known is None else _is_present(known.cells[column])
    right = np.concatenate([answers == place, taught])
    count = int(present.sum() + has_value.sum())
    share = float(right.mean())
    if not right[np.concatenate([present, has_value])].all() or share > _MOST_FREQUENT:
        return None
    if not family.improbable(statistics.log_binomial_tail(count, count, share)):
        return None
    asked = printable(target.name, 40)
    what = f"the column {printable(column, 40)} has a value in {present.sum():,} rows, of which {asked} is always"
    values = named(np.where(present, place, -1), target)
    return Clue(NAME, source.table.path, f"{what} {printable(target.classes[place], 40)}", (question.guess(values),))


def _is_present(cells: pd.Series) -> np.ndarray:
    return np.array([str(cell).strip().lower() not in _MISSING for cell in cells], dtype=bool)


def features_of(cells: np.ndarray) -> np.ndarray:
    """What a tree can split of one column, shape (rows, 3): numbers or sorted places, how often a value occurs, its length."""
    _, codes, counts = np.unique(cells, return_inverse=True, return_counts=True)
    often = counts[codes.reshape(-1)].astype(np.float64)
    return np.stack([as_numbers(cells), often, np.char.str_len(cells).astype(np.float64)], axis=1)
