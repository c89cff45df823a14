"""What a row of several predicted columns must be together: probabilities of all classes that sum to 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from grading.columns import Column, Probability
from grading.submission import InvalidSubmission, show_ids

RowRule = Callable[[np.ndarray, pd.Series], np.ndarray]


def probability_per_class(id: str) -> Callable[[pd.DataFrame], Mapping[str, Column]]:
    """One probability for each column of the answers besides the id; for `Grader.columns`."""
    return lambda answers: {str(name): Probability() for name in answers.columns if name != id}


def sum_to_one(tolerance: float = 1.1e-5) -> RowRule:
    """Refuse rows whose sum differs from 1 by more than `tolerance`; 1.1e-5 is the published graders'."""

    def rule(prediction: np.ndarray, ids: pd.Series) -> np.ndarray:
        sums = prediction.sum(axis=1)
        _refuse_rows(np.abs(sums - 1) > tolerance, sums, ids, f"1 (within {tolerance:g})")
        return prediction

    return rule


def divided_by_sum(prediction: np.ndarray, ids: pd.Series) -> np.ndarray:
    """Divide each row by its sum, as Kaggle's multi-class log loss does; the sum must be positive."""
    sums = prediction.sum(axis=1)
    _refuse_rows(sums <= 0, sums, ids, "positive")
    return np.asarray(prediction / sums[:, None])


def _refuse_rows(bad: np.ndarray, sums: np.ndarray, ids: pd.Series, expected: str) -> None:
    if bad.any():
        first = float(sums[np.flatnonzero(bad)[0]])
        raise InvalidSubmission(
            f"the probabilities of {int(bad.sum()):,} of {len(bad):,} rows do not have a sum that is {expected}, "
            f"the first sum is {first:.6g} (ids {show_ids(ids[bad])})"
        )
