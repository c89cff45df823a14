"""Distances on the earth and between directions, against values worked out by hand."""

import numpy as np
import pytest

from grading.metrics.geometry import EARTH_RADIUS, haversine, mean_angular_error


def test_quarters_of_the_globe():
    zero, right = np.zeros(3), np.full(3, 90.0)
    assert haversine(zero, zero, zero, right) == pytest.approx(EARTH_RADIUS * np.pi / 2)
    assert haversine(zero, zero, right, zero) == pytest.approx(EARTH_RADIUS * np.pi / 2)
    assert haversine(zero, zero, zero, 2 * right) == pytest.approx(EARTH_RADIUS * np.pi)


def test_the_published_check_value_of_directions():
    truth = np.array([[1.0, 2.0], [0.5, 0.1]])
    assert mean_angular_error(truth, np.ones((2, 2))) == pytest.approx(0.95653, abs=1e-5)


def test_angles_are_taken_round_the_circle():
    truth = np.array([[0.3, 1.2]])
    assert mean_angular_error(truth, np.array([[0.3 + 2 * np.pi, 1.2]])) == pytest.approx(0, abs=1e-7)
    assert mean_angular_error(truth, np.array([[0.3 + np.pi, np.pi - 1.2]])) == pytest.approx(np.pi)
