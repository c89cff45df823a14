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


def mse(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean squared error over all entries (scikit-learn's `mean_squared_error`); of probabilities, the Brier score.

    Arguments and range are those of `rmse`.
    """
    return float(np.mean(np.square(truth - prediction)))


def r2(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Coefficient of determination: 1 - the squared error relative to that of the answers' own mean.

    Args:
        truth: finite numbers, shape (n,), at least two that differ.
        prediction: finite numbers, shape (n,).

    Returns:
        At most 1; 0 for the answers' mean, negative for worse; higher is better. Source: scikit-learn's `r2_score`.

    Raises:
        ValueError: all answers are equal, which leaves it undefined.
    """
    spread = float(np.square(truth - np.mean(truth)).sum())
    if not spread:
        raise ValueError("the coefficient of determination needs answers that differ")
    return float(1 - np.square(truth - prediction).sum() / spread)


def mae(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean absolute error over all entries (scikit-learn's `mean_absolute_error`).

    Arguments and range are those of `rmse`.
    """
    return float(np.mean(np.abs(truth - prediction)))


def median_absolute_error(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Median absolute error over all entries (of one column, scikit-learn's `median_absolute_error`).

    Arguments and range are those of `rmse`. Of an even number of entries it is the mean of the middle two.
    """
    return float(np.median(np.abs(truth - prediction)))


def mape(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean absolute error as a share of the answer, not in percent (scikit-learn's `mean_absolute_percentage_error`).

    Arguments are those of `rmse`. An answer of 0 counts as machine epsilon, so that any error there costs enormously.

    Returns:
        0 and up, 0.1 being an error of 10 %; lower is better.
    """
    return float(np.mean(np.abs(truth - prediction) / np.maximum(np.abs(truth), np.finfo(np.float64).eps)))


def smape(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Symmetric mean absolute percentage error: the error relative to the mean of both absolute values, in percent.

    Definition: https://www.kaggle.com/c/web-traffic-time-series-forecasting/overview/evaluation

    Arguments are those of `rmse`. An entry counts 0 if both values are 0.

    Returns:
        0 to 200; lower is better.
    """
    both = np.abs(truth) + np.abs(prediction)
    shares = np.divide(2 * np.abs(truth - prediction), both, out=np.zeros(both.shape), where=both > 0)
    return float(100 * np.mean(shares))


def rmspe(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Root mean squared error as a share of the answer; entries whose answer is 0 do not count.

    Definition: https://www.kaggle.com/c/rossmann-store-sales/overview/evaluation

    Args:
        truth: finite numbers of any shape, at least one that is not 0.
        prediction: the same shape.

    Returns:
        0 and up, 0.1 being an error of 10 %; lower is better.

    Raises:
        ValueError: all answers are 0.
    """
    counts = truth != 0
    if not counts.any():
        raise ValueError("the percentage error needs an answer that is not 0")
    return float(np.sqrt(np.mean(np.square((truth[counts] - prediction[counts]) / truth[counts]))))


def msle(truth: np.ndarray, prediction: np.ndarray) -> float:
    """`mse` of ln(1 + x), for values of at least 0 (scikit-learn's `mean_squared_log_error`)."""
    return mse(np.log1p(truth), np.log1p(prediction))


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
