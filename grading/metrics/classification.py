"""Metrics of classification: labels, probabilities and rankings."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import roc_auc_score

MACHINE_EPSILON = float(np.finfo(np.float64).eps)


def accuracy(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Share of equal entries.

    Args:
        truth: labels of any type, shape (n,).
        prediction: labels of the same type, shape (n,).

    Returns:
        0 to 1; higher is better.
    """
    return float(np.mean(truth == prediction))


def roc_auc(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Area under the receiver operating characteristic curve; tied scores count half.

    Args:
        truth: 0 or 1, shape (n,); both must occur.
        prediction: any finite scores, shape (n,), higher for class 1.

    Returns:
        0 to 1; 0.5 for constant scores; higher is better.

    Raises:
        ValueError: only one class occurs in `truth`.
    """
    if len(np.unique(truth)) != 2:
        raise ValueError("the area under the curve needs both classes among the answers")
    return float(roc_auc_score(truth, prediction))


def log_loss(truth: np.ndarray, prediction: np.ndarray, *, epsilon: float = MACHINE_EPSILON) -> float:
    """Mean negative log-likelihood in nats, as scikit-learn 1.5 computes it: clipped at machine epsilon, rows not rescaled.

    Args:
        truth: 0 or 1 of shape (n,), or one-hot rows of shape (n, classes).
        prediction: probabilities of the same shape; for shape (n,) the probability of class 1.
        epsilon: probabilities are kept this far from 0 and 1.

    Returns:
        0 (perfect) to about 36; lower is better.
    """
    clipped = np.clip(prediction, epsilon, 1 - epsilon)
    if truth.ndim == 1:
        return float(-np.mean(np.where(truth.astype(bool), np.log(clipped), np.log1p(-clipped))))
    return float(-np.mean(np.sum(truth * np.log(clipped), axis=1)))


def kaggle_log_loss(truth: np.ndarray, prediction: np.ndarray) -> float:
    """`log_loss` with probabilities kept 1e-15 from 0 and 1, as Kaggle's pages define it."""
    return log_loss(truth, prediction, epsilon=1e-15)
