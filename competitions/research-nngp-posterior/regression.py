"""Gaussian process regression: the posterior, and the likelihood of the observations under a prior."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from mlebench.research.gaussian_process import Kernel


class Posterior(NamedTuple):
    """Normal distribution of the function's values at test inputs."""

    mean: np.ndarray
    covariance: np.ndarray

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Sampled functions, shape (inputs, count)."""
        values, vectors = np.linalg.eigh(self.covariance)
        factor = vectors * np.sqrt(np.maximum(values, 0))
        return np.asarray(self.mean[:, None] + factor @ rng.standard_normal((len(self.mean), count)))


def posterior(kernel: Kernel, x: np.ndarray, y: np.ndarray, noise: float, test: np.ndarray) -> Posterior:
    """The distribution of the function's values given observations.

    Args:
        kernel: prior covariance; the prior mean is 0.
        x, y: observations, shapes (n, d) and (n,).
        noise: standard deviation of the observations' errors.
        test: test inputs, shape (m, d).
    """
    factor = cho_factor(kernel(x, x) + noise**2 * np.eye(len(x)), lower=True)
    cross = kernel(x, test)
    explained = solve_triangular(factor[0], cross, lower=True)
    mean = cross.T @ cho_solve(factor, y.astype(np.float64))
    return Posterior(mean, kernel(test, test) - explained.T @ explained)


def log_evidence(kernel: Kernel, x: np.ndarray, y: np.ndarray, noise: float) -> float:
    """Log density of the observations under the prior, without the constant."""
    factor = cho_factor(kernel(x, x) + noise**2 * np.eye(len(x)), lower=True)
    y = y.astype(np.float64)
    return float(-0.5 * y @ cho_solve(factor, y) - np.log(np.diag(factor[0])).sum())
