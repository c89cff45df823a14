"""Submissions of sampled classifiers under shift: class probabilities of several functions and how unknown an input seems."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from grading.columns import Column, Probability, Real
from grading.grader import Grader
from grading.metrics.joint import TAU, dyadic_joint_nll
from grading.submission import InvalidSubmission, show_ids

FUNCTIONS = 10
"""Sampled functions in a submission."""
CLASSES = 8
"""Classes that training data shows."""


def probability_names() -> list[str]:
    """s0_p0, s0_p1, … s9_p7: the probability of a class under a sampled function."""
    return [f"s{function}_p{number}" for function in range(FUNCTIONS) for number in range(CLASSES)]


def columns() -> Mapping[str, Column]:
    """The kind of each column; `unknown` is any number, higher for inputs that seem to be of no known class."""
    return {**{name: Probability() for name in probability_names()}, "unknown": Real(-1e9, 1e9)}


def class_table(row_ids: pd.Series, probabilities: np.ndarray, unknown: np.ndarray) -> pd.DataFrame:
    """A submission.

    Args:
        row_ids: one per input.
        probabilities: shape (inputs, functions, classes); functions are repeated up to `FUNCTIONS`.
        unknown: shape (inputs,).
    """
    repeated = probabilities[:, np.arange(FUNCTIONS) % probabilities.shape[1]]
    table = pd.DataFrame(repeated.reshape(len(row_ids), -1).round(6), columns=probability_names())
    return pd.concat([row_ids.rename("row_id").reset_index(drop=True), table, pd.Series(unknown, name="unknown")], axis=1)


def joint_loss(answers: pd.DataFrame, probabilities: np.ndarray) -> float:
    """Mean joint log-loss of ten labels over pairs of shifted inputs.

    Args:
        answers: `label` and `pair`; rows whose pair is −1 do not count.
        probabilities: shape (inputs, functions, classes), in the order of the answers.
    """
    paired = np.flatnonzero(answers["pair"] >= 0)
    order = paired[np.argsort(answers["pair"].to_numpy()[paired], kind="stable")]
    labels = answers["label"].to_numpy()[order]
    likelihoods = probabilities[order, :, labels]
    return dyadic_joint_nll(likelihoods[0::2], likelihoods[1::2], TAU)


def detection(answers: pd.DataFrame, unknown: np.ndarray) -> float:
    """Average precision of `unknown` at telling unknown classes from known ones, both without shift."""
    graded = (answers["kind"] == "none").to_numpy()
    return float(average_precision_score(answers["label"].to_numpy()[graded] < 0, unknown[graded]))


def relative_loss(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Half the joint loss under shift plus half the failure to detect unknown classes, each divided by a linear model's.

    Args:
        answers: `label` (−1 for an unknown class), `kind` of shift (or `none`), `pair`, and the linear model's `base_loss` and
            `base_detection` on every row.
        submission: the columns of `columns()`, in the order of the answers.

    Returns:
        0 for the labels themselves, 1 for the linear model.

    Raises:
        InvalidSubmission: if the probabilities of a sampled function are all 0 in some row, naming the first such function.
    """
    given = submission[probability_names()].to_numpy().reshape(len(submission), FUNCTIONS, CLASSES)
    totals = given.sum(axis=2, keepdims=True)
    empty = totals[:, :, 0] <= 0
    if empty.any():
        rows, functions = np.nonzero(empty)
        raise InvalidSubmission(
            f"columns `s{functions[0]}_p0` to `s{functions[0]}_p{CLASSES - 1}`: all probabilities of a sampled function are 0 "
            f"(ids {show_ids(submission['row_id'].iloc[np.unique(rows)])})"
        )
    loss, found = joint_loss(answers, given / totals), detection(answers, submission["unknown"].to_numpy())
    return float(0.5 * loss / answers["base_loss"].iloc[0] + 0.5 * (1 - found) / (1 - answers["base_detection"].iloc[0]))


def labels_themselves(answers: pd.DataFrame) -> pd.DataFrame:
    """The best submission."""
    known = answers["label"].clip(lower=0).to_numpy()
    return class_table(answers["row_id"], np.eye(CLASSES)[known][:, None], (answers["label"] < 0).to_numpy().astype(float))


def shift_grader() -> Grader:
    """Grades sampled classifiers by `relative_loss`."""
    return Grader(id="row_id", columns=columns(), score=relative_loss, perfect=labels_themselves)
