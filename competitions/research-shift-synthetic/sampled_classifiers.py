"""Sampled classifiers: class probabilities of several functions, a novelty score of each input, and the losses of both."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from grading.metrics.joint import TAU, dyadic_joint_nll

FUNCTIONS = 10
"""Sampled functions in a submission."""
CLASSES = 8
"""Classes in the training data."""


def probability_names() -> list[str]:
    """s0_p0, s0_p1, … s9_p7: the probability of a class under a sampled function."""
    return [f"s{function}_p{number}" for function in range(FUNCTIONS) for number in range(CLASSES)]


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
        answers: `label` and `pair`; rows with pair −1 are ignored.
        probabilities: shape (inputs, functions, classes), in the order of the answers.
    """
    paired = np.flatnonzero(answers["pair"] >= 0)
    order = paired[np.argsort(answers["pair"].to_numpy()[paired], kind="stable")]
    labels = answers["label"].to_numpy()[order]
    likelihoods = probabilities[order, :, labels]
    return dyadic_joint_nll(likelihoods[0::2], likelihoods[1::2], TAU)


def detection(answers: pd.DataFrame, unknown: np.ndarray) -> float:
    """Average precision of `unknown` at separating unknown from known classes, both without shift."""
    graded = (answers["kind"] == "none").to_numpy()
    return float(average_precision_score(answers["label"].to_numpy()[graded] < 0, unknown[graded]))
