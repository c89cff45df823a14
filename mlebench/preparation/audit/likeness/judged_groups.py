"""Which groups on both sides count: persons, and groups that predict the answers of their parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mlebench.preparation.audit.clue import Guess
from mlebench.preparation.audit.likeness.chance import NONE, Agreement, agreement
from mlebench.preparation.audit.likeness.groups import Grouping, group_values, is_part, is_person, is_whole
from mlebench.preparation.audit.likeness.votes import told_rows
from mlebench.preparation.audit.truth import Target

_TRIED = 50
"""Groupings and targets that are tried, for which chance is corrected."""
_LEAST_SHARED = 0.02
"""Share of the test rows whose group is in train from which a person counts."""
_MARGIN = 0.15
_ENOUGH_ROWS, _REFUTED = 100, 0.01
"""With this many groups, predictions of answers above this p-value mean nothing."""


class Judged(NamedTuple):
    """What groups on both sides come to."""

    counts: bool
    """Whether a split has to keep them whole."""
    best: Agreement
    """How well the best-predicted target is predicted, counting one row per group."""
    guesses: tuple[Guess, ...]
    """Their guesses for all rows."""
    rows: int
    """Test rows whose group is in train."""


def judged(grouping: Grouping, targets: Sequence[Target], rows: int) -> Judged:
    """Judge groups by what they are and by what they predict.

    Args:
        grouping: the groups.
        targets: what is asked for.
        rows: how many test rows there are.
    """
    count = told_rows(grouping.rows, np.flatnonzero(grouping.shared))
    best, guesses = _best(grouping, targets, rows)
    by_name = count >= _LEAST_SHARED * rows and _is_named(grouping, best)
    whole = grouping.from_id or is_person(grouping.name) or is_part(grouping.name) or grouping.is_small()
    by_answers = whole and grouping.is_fine() and best.holds(_TRIED, _MARGIN)
    return Judged(by_name or by_answers, best, guesses, count)


def _is_named(grouping: Grouping, best: Agreement) -> bool:
    """Whether groups count by their kind: persons always, others unless many rows show that they predict nothing."""
    if not grouping.has_several():
        return False
    if is_person(grouping.name):
        return True
    refuted = best.rows >= _ENOUGH_ROWS and best.p > _REFUTED
    return not refuted and (grouping.is_counted() if grouping.from_id else is_whole(grouping.name))


def _best(grouping: Grouping, targets: Sequence[Target], rows: int) -> tuple[Agreement, tuple[Guess, ...]]:
    """How well the best-predicted target is predicted, counting one row per group, and the guesses for all rows."""
    best, guesses = NONE, []
    for target in targets:
        if target.name not in grouping.labels:
            continue
        known = group_values(grouping.train, grouping.labels[target.name], target)
        values = _values(grouping, target, known, rows)
        guess = Guess(target.name, values)
        if not guess.told.any():
            continue
        guesses.append(guess)
        one = agreement(target, _one_each(grouping, values))
        best = min(best, one, key=lambda found: found.p)
    return best, tuple(guesses)


def _values(grouping: Grouping, target: Target, known: dict[str, object], rows: int) -> np.ndarray:
    values = np.full(rows, np.nan) if target.kind == "number" else np.full(rows, None, dtype=object)
    for group, own in zip(grouping.test, grouping.rows, strict=True):
        if (value := known.get(str(group))) is not None:
            values[own] = value
    return values


def _one_each(grouping: Grouping, values: np.ndarray) -> np.ndarray:
    """The guesses without those of all but one row of each group, as rows of one whole are not independent."""
    kept = np.full(len(values), np.nan) if values.dtype.kind == "f" else np.full(len(values), None, dtype=object)
    seen: set[str] = set()
    for group, rows in zip(grouping.test, grouping.rows, strict=True):
        if str(group) not in seen and len(rows):
            seen.add(str(group))
            kept[rows[0]] = values[rows[0]]
    return kept
