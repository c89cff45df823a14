"""Metrics composed of metrics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Metric = Callable[[np.ndarray, np.ndarray], float]


def mean_columnwise(metric: Metric) -> Metric:
    """The unweighted mean of `metric` over the columns of two arrays of shape (n, columns); in the range of `metric`."""

    def mean_of_columns(truth: np.ndarray, prediction: np.ndarray) -> float:
        # contiguous numbers are read several times as fast
        columns = zip(np.ascontiguousarray(truth.T), np.ascontiguousarray(prediction.T), strict=True)
        return float(np.mean([metric(true, predicted) for true, predicted in columns]))

    return mean_of_columns


def mean_over_groups(metric: Metric, truth: np.ndarray, prediction: np.ndarray, groups: np.ndarray) -> float:
    """The unweighted mean of `metric` over groups of rows.

    Args:
        metric: applied to the rows of one group.
        truth: n ≥ 1 rows.
        prediction: same number of rows.
        groups: the group of each row, shape (n,), sortable.

    Returns:
        In the range of `metric`.
    """
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(groups[order][1:] != groups[order][:-1]) + 1
    return float(np.mean([metric(truth[rows], prediction[rows]) for rows in np.split(order, starts)]))
