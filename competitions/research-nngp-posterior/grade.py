"""Grades sampled functions by their joint predictions for neighbouring inputs, compared with the exact posterior."""

from __future__ import annotations

import pandas as pd

from grading import Column, Grader, Real
from grading.function_samples import sample_columns

from .joint_divergence import divergence_of_samples
from .posterior_rows import functions_with_exact_moments, read_posterior

LARGEST = 1000.0
CAP = 3.0
"""The divergence of a group is capped at this multiple of the prior's."""


def value_columns() -> dict[str, Column]:
    """One value per sampled function."""
    return {name: Real(-LARGEST, LARGEST) for name in sample_columns()}


def relative_divergence(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Divergence from the exact posterior, summed over groups and divided by that of the prior.

    Each group is capped at `CAP` times the prior's divergence.

    Args:
        answers: `row_id`, `group`, `noise`, `divergence_of_prior` and the columns of `posterior_rows`.
        submission: `row_id` and the sampled functions, in the order of the answers.

    Returns:
        0 for the exact posterior, 1 for the prior, at most `CAP`.
    """
    samples = submission[sample_columns()].to_numpy()
    divergence = of_prior = 0.0
    for places in answers.groupby("group").indices.values():
        rows = answers.iloc[places]
        noise, prior = float(rows["noise"].iloc[0]), float(rows["divergence_of_prior"].iloc[0])
        # the covariances of a row are in the order of its group
        divergence += min(divergence_of_samples(*read_posterior(rows), samples[places], noise), CAP * prior)
        of_prior += prior
    return divergence / of_prior


grader = Grader(id="row_id", columns=value_columns(), table_metric=relative_divergence, perfect=functions_with_exact_moments)
