"""How far joint predictions for a group of neighbouring inputs are from the exact ones."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve

GROUP = 10
"""Number of neighbouring inputs that are predicted jointly."""
GROUPS = 5
"""Groups in a problem."""


def normal_divergence(mean: np.ndarray, covariance: np.ndarray, other_mean: np.ndarray, other_covariance: np.ndarray) -> float:
    """Kullback–Leibler divergence in nats of a second normal distribution from a first, in closed form.

    Args:
        mean, covariance: of the first distribution, shapes (d,) and (d, d).
        other_mean, other_covariance: of the second.

    Returns:
        0 or more, 0 only for equal distributions.
    """
    factor, other = cho_factor(covariance, lower=True), cho_factor(other_covariance, lower=True)
    away = other_mean - mean
    volumes = np.log(np.diag(other[0])).sum() - np.log(np.diag(factor[0])).sum()
    spread = np.trace(cho_solve(other, covariance)) - len(mean)
    return max(float(0.5 * (spread + away @ cho_solve(other, away)) + volumes), 0.0)


def divergence_of_samples(mean: np.ndarray, covariance: np.ndarray, samples: np.ndarray, noise: float) -> float:
    """Divergence of the joint distribution of noisy observations under sampled functions from that under the exact posterior.

    The samples represent the normal distribution with their mean and covariance (normalised by their number).

    Args:
        mean, covariance: exact posterior of the function's values, shapes (d,) and (d, d).
        samples: sampled functions, shape (d, functions).
        noise: standard deviation of an observation's error.
    """
    errors = noise**2 * np.eye(len(mean))
    sampled = np.cov(samples, ddof=0)
    return normal_divergence(mean, covariance + errors, samples.mean(axis=1), sampled + errors)
