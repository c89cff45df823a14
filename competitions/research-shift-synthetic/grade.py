"""Grades sampled classifiers by their loss relative to a linear model's."""

from __future__ import annotations

import numpy as np
import pandas as pd

from grading import Grader, InvalidSubmission, Probability, Real
from grading.wording import name_ids

from .sampled_classifiers import CLASSES, FUNCTIONS, class_table, detection, joint_loss, probability_names

COLUMNS = {**{name: Probability() for name in probability_names()}, "unknown": Real(-1e9, 1e9)}
"""`unknown` is any number, higher for inputs that seem to belong to no known class."""


def relative_loss(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Half the joint loss under shift plus half the failure to detect unknown classes, each divided by a linear model's.

    Args:
        answers: `label` (−1 for an unknown class), `kind` of shift (or `none`), `pair`, and the linear model's `base_loss` and
            `base_detection` on every row.
        submission: class probabilities and `unknown`, in the order of the answers.

    Returns:
        0 for the labels themselves, 1 for the linear model.
    """
    given = by_function(submission[probability_names()].to_numpy())
    loss, found = joint_loss(answers, given), detection(answers, submission["unknown"].to_numpy())
    return float(0.5 * loss / answers["base_loss"].iloc[0] + 0.5 * (1 - found) / (1 - answers["base_detection"].iloc[0]))


def by_function(probabilities: np.ndarray) -> np.ndarray:
    """The columns `sK_pC` of some rows, shape (rows, functions, classes)."""
    return probabilities.reshape(len(probabilities), FUNCTIONS, CLASSES)


def functions_divided_by_sum(prediction: np.ndarray, ids: pd.Series) -> np.ndarray:
    """Divide the probabilities of each sampled function by their sum, which must be positive."""
    given = by_function(prediction[:, :-1])
    totals = given.sum(axis=2, keepdims=True)
    empty = totals[:, :, 0] <= 0
    if empty.any():
        rows, functions = np.nonzero(empty)
        raise InvalidSubmission(
            f"columns `s{functions[0]}_p0` to `s{functions[0]}_p{CLASSES - 1}`: all probabilities of a sampled function are 0 "
            f"({name_ids(ids.iloc[np.unique(rows)])})"
        )
    return np.column_stack([(given / totals).reshape(len(given), -1), prediction[:, -1]])


def labels_themselves(answers: pd.DataFrame) -> pd.DataFrame:
    """The best submission."""
    known = answers["label"].clip(lower=0).to_numpy()
    return class_table(answers["row_id"], np.eye(CLASSES)[known][:, None], (answers["label"] < 0).to_numpy().astype(float))


grader = Grader(
    id="row_id", columns=COLUMNS, rows=functions_divided_by_sum, table_metric=relative_loss, perfect=labels_themselves
)
