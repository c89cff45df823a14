"""How well functions of one number are found."""

from __future__ import annotations

import numpy as np

TOLERANCE = 0.1


def is_found(truth: np.ndarray, prediction: np.ndarray) -> bool:
    """Whether a function's values are predicted with a centred normalised squared error below `TOLERANCE`.

    The error is Σ(truth − prediction)² / Σ(truth − mean of truth)²: unlike the one over Σ truth², no constant passes for a
    function whose mean is far from 0. A constant counts as found if every error is below 0.1·max(1, |value|). After the test of
    success of Schwettmann et al., "FIND" (2023).

    Args:
        truth: values of one function, finite, shape (n,).
        prediction: predicted values, shape (n,).
    """
    errors = truth - prediction
    spread = float(((truth - truth.mean()) ** 2).sum())
    if spread < 1e-9 * max(1.0, float((truth**2).sum())):
        return bool((np.abs(errors) < TOLERANCE * np.maximum(1, np.abs(truth))).all())
    return bool((errors**2).sum() < TOLERANCE * spread)
