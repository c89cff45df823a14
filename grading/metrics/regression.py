"""Metrics of regression: distances between real values."""

from __future__ import annotations

import numpy as np
import pandas as pd


def rmse(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Root mean squared error over all entries (of one column, scikit-learn's `root_mean_squared_error`).

    Args:
        truth: finite numbers of any shape, at least one.
        prediction: the same shape.

    Returns:
        0 and up; lower is better. Infinite if a square overflows.
    """
    return float(np.sqrt(np.mean(np.square(truth - prediction))))


def mae(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean absolute error over all entries (scikit-learn's `mean_absolute_error`).

    Arguments and range are those of `rmse`.
    """
    return float(np.mean(np.abs(truth - prediction)))


def rmsle(truth: np.ndarray, prediction: np.ndarray) -> float:
    """`rmse` of ln(1 + x), for values of at least 0 (scikit-learn's `root_mean_squared_log_error`)."""
    return rmse(np.log1p(truth), np.log1p(prediction))


def mean_log_mae_of_groups(truth: np.ndarray, prediction: np.ndarray, groups: np.ndarray, *, floor: float) -> float:
    """Mean over groups of the natural log of the group's mean absolute error; all groups have equal weight.

    Definition: https://www.kaggle.com/c/champs-scalar-coupling/overview/evaluation

    Args:
        truth: shape (n,).
        prediction: shape (n,).
        groups: the group of each row, shape (n,).
        floor: lower bound on a group's mean absolute error, so that exact groups do not give minus infinity.

    Returns:
        ln(floor) and up; lower is better.
    """
    errors = pd.Series(np.abs(np.asarray(truth) - np.asarray(prediction))).groupby(np.asarray(groups)).mean()
    return float(np.log(np.maximum(errors, floor)).mean())


def laplace_log_likelihood(
    truth: np.ndarray, prediction: np.ndarray, deviation: np.ndarray, *, floor: float, error_cap: float
) -> float:
    """Mean of -√2·Δ/σ - ln(√2·σ), a lenient Laplace log likelihood: σ = max(deviation, floor), Δ = min(|error|, error_cap).

    Definition: https://www.kaggle.com/c/osic-pulmonary-fibrosis-progression/overview/evaluation

    Args:
        truth: shape (n,).
        prediction: shape (n,).
        deviation: predicted standard deviations, shape (n,), in the unit of `truth`.
        floor: minimum standard deviation.
        error_cap: maximum error.

    Returns:
        At most -ln(√2·floor); higher is better.
    """
    sigma = np.maximum(deviation, floor)
    error = np.minimum(np.abs(np.asarray(truth) - np.asarray(prediction)), error_cap)
    return float(np.mean(-np.sqrt(2) * error / sigma - np.log(np.sqrt(2) * sigma)))
