"""The prior over functions of the Neural Testbed: random networks with two hidden layers.

Osband et al., "The Neural Testbed: Evaluating Joint Predictions" (2022).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

HIDDEN = 50


@dataclass(frozen=True)
class RandomNetwork:
    """One function: inputs → 50 → 50 → classes with ReLU."""

    weights: tuple[np.ndarray, np.ndarray, np.ndarray]
    first_bias: np.ndarray

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Logits at temperature 1 of shape (n, classes), for inputs of shape (n, inputs)."""
        hidden = np.maximum(x.astype(np.float64) @ self.weights[0] + self.first_bias, 0)
        hidden = np.maximum(hidden @ self.weights[1], 0)
        return np.asarray(hidden @ self.weights[2])

    def class_probabilities(self, x: np.ndarray, temperature: float) -> np.ndarray:
        """P(class) of shape (n, classes)."""
        return softmax(self.outputs(x) / temperature)

    def probability(self, x: np.ndarray, temperature: float | np.ndarray) -> np.ndarray:
        """P(class 1) of shape (n,) for two classes; `temperature` is one number or one per input."""
        outputs = self.outputs(x)
        return sigmoid((outputs[:, 1] - outputs[:, 0]) / temperature)


def draw_network(rng: np.random.Generator, inputs: int, classes: int = 2) -> RandomNetwork:
    """Draw a function.

    Weights are normal with σ = 1/√fan-in, cut off at ±2σ; the first layer's bias is N(0, 1/inputs), the others are 0.
    """
    sizes = (inputs, HIDDEN, HIDDEN, classes)
    first, second, third = (
        truncated_normal(rng, (before, after)) / math.sqrt(before) for before, after in itertools.pairwise(sizes)
    )
    return RandomNetwork((first, second, third), rng.standard_normal(HIDDEN) / math.sqrt(inputs))


def truncated_normal(rng: np.random.Generator, shape: tuple[int, ...], bound: float = 2.0) -> np.ndarray:
    """Standard normal values, drawn again until all are within ±`bound`."""
    values = rng.standard_normal(shape)
    while (beyond := np.abs(values) > bound).any():
        values[beyond] = rng.standard_normal(int(beyond.sum()))
    return values


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(−logit)), without overflow."""
    from scipy.special import expit

    return np.asarray(expit(logits))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Class probabilities along the last axis, without overflow."""
    from scipy.special import softmax as of_scipy

    return np.asarray(of_scipy(logits, axis=-1))


def draw_classes(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One class per row of P(class), shape (n, classes), as numbers from 0, shape (n,)."""
    beyond = probabilities.cumsum(axis=1) < rng.random((len(probabilities), 1))
    # rounding may leave the last sum a hair below 1
    return np.asarray(beyond.sum(axis=1).clip(0, probabilities.shape[1] - 1))


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Entropy in nats of P(class) along the last axis."""
    return np.asarray(-(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(axis=-1))
