"""Submissions of sampled functions: one row per input, one column per function, the same function throughout a column."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from grading.columns import Column, Probability
from grading.grader import Grader
from grading.metrics.joint import dyadic_joint_kl, uniform_joint_kl

FUNCTIONS = 100
"""Sampled functions in a submission."""


def sample_columns(functions: int = FUNCTIONS) -> list[str]:
    """The names of the columns: s001, s002, …"""
    return [f"s{number:03d}" for number in range(1, functions + 1)]


def probability_columns() -> Mapping[str, Column]:
    """One probability per sampled function."""
    return {name: Probability() for name in sample_columns()}


def sample_table(row_ids: pd.Series | list[str], samples: np.ndarray) -> pd.DataFrame:
    """A submission.

    Args:
        row_ids: one per input.
        samples: P(y = 1), shape (inputs, functions).
    """
    table = pd.DataFrame(samples, columns=sample_columns(samples.shape[1]))
    table.insert(0, "row_id", list(row_ids))
    return table


def true_functions(answers: pd.DataFrame) -> pd.DataFrame:
    """The best submission: every sampled function is the true one."""
    truth = np.repeat(answers[["probability"]].to_numpy(), FUNCTIONS, axis=1)
    return sample_table(answers["row_id"], truth)


def relative_joint_kl(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Dyadic joint KL summed over problems, divided by that of the constant ½.

    Args:
        answers: `row_id`, `problem`, `probability` (the true P(y = 1)).
        submission: `row_id` and the sampled functions, in the order of the answers.

    Returns:
        0 for the true functions, 1 for the constant ½; unbounded above.
    """
    samples = submission[sample_columns()].to_numpy()
    truth = answers["probability"].to_numpy()
    divergence = uniform = 0.0
    for rows in answers.groupby("problem").indices.values():
        divergence += dyadic_joint_kl(truth[rows], samples[rows])
        uniform += uniform_joint_kl(truth[rows])
    return divergence / uniform


def joint_prediction_grader() -> Grader:
    """Grades sampled functions of binary problems by `relative_joint_kl`."""
    return Grader(id="row_id", columns=probability_columns(), table_metric=relative_joint_kl, perfect=true_functions)
