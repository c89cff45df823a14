"""Metrics of regression: distances between real values."""

from __future__ import annotations

import numpy as np


def rmse(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Root mean squared error over all entries of two arrays of one shape; 0 and up, lower is better."""
    return float(np.sqrt(np.mean(np.square(truth - prediction))))


def mae(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean absolute error over all entries of two arrays of one shape; 0 and up, lower is better."""
    return float(np.mean(np.abs(truth - prediction)))


def rmsle(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Root mean squared error of ln(1 + x), for values of at least 0; 0 and up, lower is better."""
    return rmse(np.log1p(truth), np.log1p(prediction))
