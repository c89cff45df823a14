"""The fixed learner: multinomial logistic regression on random features."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

_RIDGE = 1.0
_STEPS = 40


def fit_softmax(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Multinomial logistic regression, Σ log-loss + ½·Σ weights², by a fixed number of steps of a bounded Newton method.

    The Hessian is replaced by its bound ½·(I − 1/C) ⊗ XᵀX (Böhning, 1992), so that every step improves the fit and the result
    does not depend on an optimiser's version.

    Args:
        features: shape (n, d).
        labels: 0 to classes − 1, shape (n,).
        classes: C.

    Returns:
        Weights of shape (d, classes).
    """
    n, d = features.shape
    targets = np.zeros((n, classes))
    targets[np.arange(n), labels] = 1
    gram = 0.5 * features.T @ features + _RIDGE * np.eye(d)
    inverse = np.linalg.inv(gram)
    weights = momentum = np.zeros((d, classes))
    for step in range(1, _STEPS + 1):
        gradient = features.T @ (softmax(features @ momentum, axis=1) - targets) + _RIDGE * momentum
        following = momentum - inverse @ gradient
        # Nesterov's extrapolation: the bound alone converges slowly
        momentum = following + (step - 1) / (step + 2) * (following - weights)
        weights = following
    return weights


def random_features(x: np.ndarray, projection: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """ReLU features and a constant, shape (n, features + 1).

    Args:
        x: inputs, shape (n, inputs).
        projection: shape (inputs, features).
        offset: shape (features,).
    """
    hidden = np.maximum(x.astype(np.float64) @ projection + offset, 0) / np.sqrt(projection.shape[1] / 10)
    return np.column_stack([hidden, np.ones(len(x))])


def accuracy_of(
    features: np.ndarray, labels: np.ndarray, test_features: np.ndarray, test_labels: np.ndarray, classes: int
) -> float:
    """The learner's accuracy on test items."""
    weights = fit_softmax(features, labels, classes)
    return float(np.mean((test_features @ weights).argmax(axis=1) == test_labels))
