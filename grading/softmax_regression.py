"""Multinomial logistic regression by a fixed number of steps: a learner that graders train on what was submitted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import softmax

_RIDGE = 1.0


def fit_softmax(
    features: np.ndarray, labels: np.ndarray, classes: int, *, weights: np.ndarray | None = None, steps: int = 40
) -> np.ndarray:
    """Minimise Σ weight · log-loss + ½·Σ coefficients² by a fixed number of steps of a bounded Newton method.

    The Hessian is replaced by its bound ½·(I − 1/C) ⊗ XᵀX (Böhning, 1992), so that every step improves the fit and the result
    does not depend on an optimiser's version.

    Args:
        features: shape (n, d).
        labels: 0 to classes − 1, shape (n,).
        classes: C.
        weights: one per example, shape (n,); 1 if omitted.
        steps: more bring the result nearer to the minimum.

    Returns:
        Coefficients of shape (d, classes).
    """
    n, d = features.shape
    targets = np.zeros((n, classes))
    targets[np.arange(n), labels] = 1
    weighted = features if weights is None else features * weights[:, None]
    step_along = _newton_step(features, weighted)
    coefficients = momentum = np.zeros((d, classes))
    for step in range(1, steps + 1):
        gradient = weighted.T @ (softmax(features @ momentum, axis=1) - targets) + _RIDGE * momentum
        following = momentum - step_along(gradient)
        # Nesterov's extrapolation: the bound alone converges slowly
        momentum = following + (step - 1) / (step + 2) * (following - coefficients)
        coefficients = following
    return coefficients


def _newton_step(features: np.ndarray, weighted: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The product of the bound's inverse and a gradient of shape (d, classes).

    The matrix that is inverted has the size of the smaller of d and n (Woodbury's identity): a batch has far fewer examples than
    columns.
    """
    n, d = features.shape
    if n >= d:
        inverse = np.linalg.inv(0.5 * weighted.T @ features + _RIDGE * np.eye(d))
        return lambda gradient: np.asarray(inverse @ gradient)
    inner = np.linalg.inv(0.5 * features @ weighted.T + _RIDGE * np.eye(n))
    return lambda gradient: np.asarray((gradient - 0.5 * weighted.T @ (inner @ (features @ gradient))) / _RIDGE)


def balanced_weights(labels: np.ndarray) -> np.ndarray:
    """Weights under which all classes that occur weigh the same, with mean 1, shape (n,)."""
    _, kinds, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.asarray(len(labels) / (len(counts) * counts[kinds]))
