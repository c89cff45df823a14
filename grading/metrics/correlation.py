"""Metrics of correlation: agreement up to scale, or up to order."""

from __future__ import annotations

import numpy as np


def pearson(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Pearson's correlation coefficient (`scipy.stats.pearsonr`).

    Args:
        truth: finite numbers, shape (n,), at least one.
        prediction: finite numbers, shape (n,).

    Returns:
        -1 to 1; higher is better. 0 if either is constant, where the coefficient is undefined.
    """
    if np.ptp(truth) == 0 or np.ptp(prediction) == 0:
        return 0.0
    return float(np.clip((_unit(truth) * _unit(prediction)).sum(), -1.0, 1.0))


def _unit(values: np.ndarray) -> np.ndarray:
    """The values less their mean, divided by their norm."""
    centred = values - np.mean(values)
    # squares of the raw values may overflow or underflow
    centred = centred / np.abs(centred).max()
    return np.asarray(centred / np.sqrt(np.square(centred).sum()))


def spearman(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Spearman's rank correlation (`scipy.stats.spearmanr`): `pearson` of the ranks, with the mean rank for equal values.

    Arguments and range are those of `pearson`.
    """
    return pearson(_ranks(truth), _ranks(prediction))


def _ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each value, from 1, with the mean rank for equal values (`scipy.stats.rankdata`)."""
    order = np.argsort(values)
    ascending = values[order]
    starts = np.flatnonzero(np.append(True, ascending[1:] != ascending[:-1]))
    counts = np.diff(np.append(starts, len(values)))
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(starts + (counts + 1) / 2, counts)
    return ranks
