"""Checks across the predicted columns of a row: probabilities of all classes must sum to 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from grading.columns import Column, Probability
from grading.invalid import InvalidSubmission
from grading.wording import counted, name_ids

RowRule = Callable[[np.ndarray, pd.Series], np.ndarray]


def probability_per_class(id: str) -> Callable[[pd.DataFrame], Mapping[str, Column]]:
    """One probability column per answer column except the id; for `Grader.columns`."""
    return lambda answers: {str(name): Probability() for name in answers.columns if name != id}


def sum_to_one(tolerance: float = 1.1e-5) -> RowRule:
    """Reject rows whose sum differs from 1 by more than `tolerance`; the published graders use 1.1e-5."""

    def rule(prediction: np.ndarray, ids: pd.Series) -> np.ndarray:
        _refuse_sums(prediction.sum(axis=1), lambda sums: np.abs(sums - 1) <= tolerance, ids, f"1 (within {tolerance:g})")
        return prediction

    return rule


def divided_by_sum(prediction: np.ndarray, ids: pd.Series) -> np.ndarray:
    """Divide each row by its sum, as Kaggle's multi-class log loss does; the sum must be positive and finite."""
    with np.errstate(over="ignore"):
        sums = prediction.sum(axis=1)
    _refuse_sums(sums, lambda sums: (sums > 0) & np.isfinite(sums), ids, "positive and finite")
    return np.asarray(prediction / sums[:, None])


def _refuse_sums(sums: np.ndarray, is_right: Callable[[np.ndarray], np.ndarray], ids: pd.Series, expected: str) -> None:
    bad = ~is_right(sums)
    if bad.any():
        first = _shown(sums[np.flatnonzero(bad)[0]], is_right)
        raise InvalidSubmission(
            f"the probabilities of {int(bad.sum()):,} of {counted(len(bad), 'row')} do not sum to a value that is {expected}; "
            f"the first sum is {first} ({name_ids(ids[bad])})"
        )


def _shown(value: float, is_right: Callable[[np.ndarray], np.ndarray]) -> str:
    """The number with enough digits to show that it is wrong."""
    texts = [f"{value:.{digits}g}" for digits in range(6, 17)]
    return next((text for text in texts if not is_right(np.array([float(text)]))[0]), repr(float(value)))
