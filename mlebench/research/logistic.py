"""Bayesian logistic regression with a normal prior: the mode, and samples around it."""

from __future__ import annotations

import numpy as np

from mlebench.research.networks import sigmoid


def posterior_mode(x: np.ndarray, y: np.ndarray, precision: np.ndarray, centre: np.ndarray | None = None,
                   weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The most probable coefficients, by Newton's method.

    Args:
        x: inputs, shape (n, d).
        y: labels 0 and 1, shape (n,).
        precision: prior precision of each coefficient, shape (d,), above 0.
        centre: prior mean, shape (d,); 0 if omitted.
        weights: one per example, shape (n,); 1 if omitted.

    Returns:
        The mode, shape (d,), and the Hessian of the negative log posterior there, shape (d, d).
    """
    x, centre = x.astype(np.float64), np.zeros(x.shape[1]) if centre is None else centre
    weights = np.ones(len(x)) if weights is None else weights
    signs = 1.0 - 2.0 * y

    def loss(mode: np.ndarray) -> float:
        return float(weights @ np.logaddexp(0, signs * (x @ mode)) + 0.5 * precision @ (mode - centre) ** 2)

    mode, value = centre.copy(), loss(centre)
    for _ in range(100):
        p = sigmoid(x @ mode)
        gradient = x.T @ (weights * (p - y)) + precision * (mode - centre)
        hessian = x.T @ ((weights * p * (1 - p))[:, None] * x) + np.diag(precision)
        step = np.linalg.solve(hessian, gradient)
        if gradient @ step < 1e-10:
            break
        # a full Newton step overshoots where the likelihood is flat, far from the mode
        size = 1.0
        while (reached := loss(mode - size * step)) > value - 1e-4 * size * (gradient @ step) and size > 1e-8:
            size /= 2
        mode, value = mode - size * step, reached
    return mode, hessian


def laplace_samples(mode: np.ndarray, hessian: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draws from the normal approximation around the mode, shape (count, d)."""
    factor = np.linalg.cholesky(hessian)
    return np.asarray(mode + np.linalg.solve(factor.T, rng.standard_normal((len(mode), count))).T)


def metropolis_samples(
    x: np.ndarray, y: np.ndarray, precision: np.ndarray, count: int, rng: np.random.Generator, steps: int = 300
) -> np.ndarray:
    """`count` chains of random-walk Metropolis, started from and scaled by the normal approximation, shape (count, d)."""
    mode, hessian = posterior_mode(x, y, precision)
    x = x.astype(np.float64)
    states = laplace_samples(mode, hessian, count, rng)
    step = np.linalg.inv(np.linalg.cholesky(hessian)).T * (2.4 / np.sqrt(len(mode)))
    signs = 1.0 - 2.0 * y[:, None]

    def log_posterior(states: np.ndarray) -> np.ndarray:
        losses = np.logaddexp(0, signs * (x @ states.T)).sum(axis=0)
        return np.asarray(-losses - 0.5 * (states**2 * precision).sum(axis=1))

    current = log_posterior(states)
    for _ in range(steps):
        proposed = states + rng.standard_normal(states.shape) @ step.T
        value = log_posterior(proposed)
        taken = np.log(rng.random(count)) < value - current
        states[taken], current[taken] = proposed[taken], value[taken]
    return states
