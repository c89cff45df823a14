"""Gaussian process classification by Laplace's approximation, with the kernel that wide random networks converge to.

Rasmussen & Williams, "Gaussian Processes for Machine Learning" (2006), algorithms 3.1 and 3.2; Cho & Saul, "Kernel Methods for
Deep Learning" (2009) for the arc-cosine kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mlebench.research.networks import sigmoid

Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Covariance of two sets of inputs, shapes (n, d) and (m, d), as (n, m)."""

WEIGHT_VARIANCE = 0.7737413
"""Variance of a standard normal variable cut off at ±2."""


def network_kernel(temperature: float) -> Kernel:
    """Covariance of the difference of two logits of `mlebench.research.networks` in the limit of wide layers."""

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        d = a.shape[1]
        cross = (WEIGHT_VARIANCE * (a.astype(np.float64) @ b.T) + 1) / d
        diagonal_a = (WEIGHT_VARIANCE * (a.astype(np.float64) ** 2).sum(axis=1) + 1) / d
        diagonal_b = (WEIGHT_VARIANCE * (b.astype(np.float64) ** 2).sum(axis=1) + 1) / d
        for _ in range(2):
            cross = WEIGHT_VARIANCE * rectified(cross, diagonal_a, diagonal_b)
            diagonal_a, diagonal_b = WEIGHT_VARIANCE * diagonal_a / 2, WEIGHT_VARIANCE * diagonal_b / 2
        return np.asarray(2 * cross / temperature**2)

    return kernel


def rectified(cross: np.ndarray, diagonal_a: np.ndarray, diagonal_b: np.ndarray) -> np.ndarray:
    """E[relu(u)·relu(v)] of normal u and v with the given covariance."""
    scale = np.sqrt(np.outer(diagonal_a, diagonal_b))
    cosine = np.clip(cross / scale, -1, 1)
    angle = np.arccos(cosine)
    return np.asarray(scale / (2 * np.pi) * (np.sin(angle) + (np.pi - angle) * cosine))


def squared_exponential(scale: float, length: float) -> Kernel:
    """scale² · exp(−|a − b|² / (2·length²))."""

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        a, b = a.astype(np.float64), b.astype(np.float64)
        distances = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * a @ b.T
        return np.asarray(scale**2 * np.exp(-np.maximum(distances, 0) / (2 * length**2)))

    return kernel


class LatentPosterior(NamedTuple):
    """Normal approximation of the latent function at test inputs."""

    mean: np.ndarray
    covariance: np.ndarray

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """P(y = 1) under sampled functions, shape (inputs, count)."""
        jitter = 1e-8 * float(np.trace(self.covariance)) / len(self.mean) + 1e-10
        values, vectors = np.linalg.eigh(self.covariance + jitter * np.eye(len(self.mean)))
        factor = vectors * np.sqrt(np.maximum(values, 0))
        return sigmoid(self.mean[:, None] + factor @ rng.standard_normal((len(self.mean), count)))

    def average(self) -> np.ndarray:
        """P(y = 1) averaged over functions, by MacKay's approximation, shape (inputs, 1)."""
        shrink = np.sqrt(1 + np.pi / 8 * np.diag(self.covariance))
        return sigmoid(self.mean / shrink)[:, None]


def classify(kernel: Kernel, x: np.ndarray, y: np.ndarray, test: np.ndarray, most: int = 300) -> LatentPosterior:
    """Posterior of the latent function.

    Args:
        kernel: prior covariance.
        x: training inputs, shape (n, d).
        y: labels 0 and 1, shape (n,).
        test: test inputs, shape (m, d).
        most: so many training points are used, the first ones.
    """
    x, y = x[:most], y[:most].astype(np.float64)
    covariance = kernel(x, x)
    latent = np.zeros(len(x))
    for _ in range(60):
        p = sigmoid(latent)
        curvature = np.maximum(p * (1 - p), 1e-10)
        root = np.sqrt(curvature)
        factor = np.linalg.cholesky(np.eye(len(x)) + root[:, None] * covariance * root)
        b = curvature * latent + y - p
        a = b - root * _solve(factor, root * (covariance @ b))
        step = covariance @ a - latent
        # the likelihood is flat far out: long steps are cut
        latent = latent + step * min(1.0, 20.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-4:
            break
    p = sigmoid(latent)
    root = np.sqrt(np.maximum(p * (1 - p), 1e-10))
    factor = np.linalg.cholesky(np.eye(len(x)) + root[:, None] * covariance * root)
    cross = kernel(x, test)
    explained = np.linalg.solve(factor, root[:, None] * cross)
    return LatentPosterior(cross.T @ (y - p), kernel(test, test) - explained.T @ explained)


def _solve(factor: np.ndarray, b: np.ndarray) -> np.ndarray:
    from scipy.linalg import cho_solve

    return np.asarray(cho_solve((factor, True), b))
