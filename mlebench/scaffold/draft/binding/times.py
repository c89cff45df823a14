"""Tests that come later: columns of dates and counters of time whose values in Kaggle's test follow all those in train."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

import numpy as np

from grading.printable import printable
from mlebench.preparation.audit.likeness.sides import words
from mlebench.scaffold.draft.binding.labelled import Labelled, numbers_of
from mlebench.scaffold.draft.bond import Bond

_TIMES = frozenset(
    {"date", "datetime", "time", "timestamp", "day", "week", "month", "year", "quarter", "hour", "season", "period", "epoch"}
)
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2}.*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.*|(19|20)\d{6}")
_HEAD = 200
_FEWEST = 3
_LATER = 0.95
"""Share of the test rows that must be later than all labelled rows."""


def is_time(name: str, cells: np.ndarray) -> bool:
    """Whether a column holds dates, or numbers that its name says are times."""
    head = [cell for cell in cells[:_HEAD] if cell]
    if not head:
        return False
    if all(_DATE.fullmatch(cell) for cell in head):
        return True
    return bool(words(name) & _TIMES) and numbers_of(cells) is not None


def time_bonds(labelled: Labelled) -> Iterator[Bond]:
    """The first column by which Kaggle's test is later than the labelled rows; none without a test that has it."""
    for name in [*labelled.described, *labelled.ids]:
        asked = labelled.asked(name)
        if asked is None or name not in labelled.train or not is_time(name, labelled.cells(name)):
            continue
        both = [_moments(cells) for cells in (labelled.cells(name), asked)]
        mine, theirs = (moments[~np.isnan(moments)] for moments in both)
        if len({*mine}) < _FEWEST or not len(theirs):
            continue
        later = float((theirs > mine.max()).mean())
        if later >= _LATER:
            yield Bond(
                "time",
                name,
                f"{later:.0%} of the unlabelled rows are later in `{printable(name, 80)}` than all {len(mine):,} labelled rows",
            )
            return


def _moments(cells: np.ndarray) -> np.ndarray:
    """Texts as numbers that grow with time; shape (cells,), NaN where there is none."""
    import pandas as pd

    numbers = numbers_of(cells)
    if numbers is not None:
        return numbers
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        moments = pd.to_datetime(pd.Series(cells), errors="coerce", format="mixed", utc=True)
    known = moments.notna().to_numpy()
    return np.where(known, moments.astype("int64").to_numpy(dtype=np.float64), np.nan)
