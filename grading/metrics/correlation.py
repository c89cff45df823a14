"""Metrics of correlation: agreement up to scale, or up to order."""

from __future__ import annotations

import numpy as np
from scipy.stats import pearsonr, rankdata


def pearson(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Pearson's correlation coefficient (`scipy.stats.pearsonr`).

    Args:
        truth: finite numbers, shape (n,), at least one.
        prediction: finite numbers, shape (n,).

    Returns:
        -1 to 1; higher is better. 0 where either is constant, where the coefficient is undefined.
    """
    if np.ptp(truth) == 0 or np.ptp(prediction) == 0:
        return 0.0
    return float(pearsonr(truth, prediction)[0])


def spearman(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Spearman's rank correlation (`scipy.stats.spearmanr`): `pearson` of the ranks, equal values sharing the mean of theirs.

    Arguments and range are those of `pearson`.
    """
    return pearson(rankdata(truth), rankdata(prediction))
