"""Metrics made of metrics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Metric = Callable[[np.ndarray, np.ndarray], float]


def mean_columnwise(metric: Metric) -> Metric:
    """The unweighted mean of `metric` over the columns of two arrays of shape (n, columns)."""

    def mean_of_columns(truth: np.ndarray, prediction: np.ndarray) -> float:
        return float(np.mean([metric(truth[:, k], prediction[:, k]) for k in range(truth.shape[1])]))

    return mean_of_columns
