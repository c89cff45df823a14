"""Metrics composed of metrics."""

from __future__ import annotations

import numpy as np

from grading.metrics.combine import mean_over_groups


def test_mean_over_groups_weighs_groups_alike() -> None:
    truth, prediction, groups = np.zeros(4), np.array([0, 1, 1, 1]), np.array(["a", "b", "b", "b"])
    for rows in ([0, 1, 2, 3], [2, 0, 3, 1]):
        assert mean_over_groups(lambda t, p: float(np.mean(t == p)), truth[rows], prediction[rows], groups[rows]) == 0.5
