"""Metrics of errors by group, stated uncertainty and shares, against values worked out by hand."""

import numpy as np
import pytest

from grading.metrics.classification import kl_divergence
from grading.metrics.regression import laplace_log_likelihood, mean_log_mae_of_groups


def test_every_group_counts_the_same_whatever_its_size():
    truth, groups = np.zeros(4), np.array(["a", "a", "a", "b"])
    errors = np.array([1.0, 2.0, 3.0, 4.0])
    assert mean_log_mae_of_groups(truth, errors, groups, floor=1e-9) == pytest.approx((np.log(2) + np.log(4)) / 2)


def test_an_exact_group_counts_as_the_floor():
    truth, groups = np.array([5.0, 7.0]), np.array(["a", "b"])
    assert mean_log_mae_of_groups(truth, truth, groups, floor=1e-9) == pytest.approx(np.log(1e-9))


def test_confidence_and_error_are_cut_at_their_limits():
    def likelihood(error: float, deviation: float) -> float:
        return laplace_log_likelihood(np.zeros(1), np.full(1, error), np.full(1, deviation), floor=70, error_cap=1000)

    assert likelihood(0, 70) == pytest.approx(-4.59507, abs=1e-5)
    assert likelihood(0, 1) == likelihood(0, -3) == likelihood(0, 70)
    assert likelihood(5000, 100) == likelihood(-1000, 100) == pytest.approx(-np.sqrt(2) * 10 - np.log(np.sqrt(2) * 100))


def test_shares_that_are_zero_cost_nothing_and_predictions_are_clipped():
    truth = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    assert kl_divergence(truth, truth) == pytest.approx(0, abs=1e-12)
    assert kl_divergence(truth[:1], np.array([[0.25, 0.25, 0.5]])) == pytest.approx(np.log(2))
    assert kl_divergence(truth[1:], np.array([[0, 1, 0]])) == pytest.approx(np.log(1e15))
