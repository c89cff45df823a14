"""Networks with two hidden layers of which many are trained side by side: every array has a leading axis of members.

Gradients are written out. Written for one output, the logit of a binary label or a real value; labels and outputs are arrays of
shape (members, batch).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mlebench.research.networks import truncated_normal

Parameters = list[np.ndarray]


def initial_parameters(
    rng: np.random.Generator, members: int, sizes: tuple[int, ...], *, first_bias: bool = False, dtype: type = np.float32
) -> Parameters:
    """Weights and biases [W1, b1, W2, b2, …] of `members` networks.

    Weights are normal with σ = 1/√fan-in, cut off at ±2σ. Biases are 0, except, with `first_bias`, the first layer's.
    """
    parameters: Parameters = []
    for layer, (before, after) in enumerate(itertools.pairwise(sizes)):
        weights = truncated_normal(rng, (members, before, after))
        bias = rng.standard_normal((members, 1, after)) if first_bias and layer == 0 else np.zeros((members, 1, after))
        parameters += [(weights / math.sqrt(before)).astype(dtype), (bias / math.sqrt(before)).astype(dtype)]
    return parameters


def forward(parameters: Parameters, x: np.ndarray, masks: list[np.ndarray] | None = None) -> list[np.ndarray]:
    """Every layer's output, the input first, the last one without ReLU.

    Args:
        x: inputs of shape (members or 1, batch, inputs).
        masks: factors on the hidden layers' outputs, as dropout has them.
    """
    layers = [x]
    last = len(parameters) // 2 - 1
    for layer in range(last + 1):
        output = layers[-1] @ parameters[2 * layer] + parameters[2 * layer + 1]
        if layer < last:
            output = np.maximum(output, 0)
            if masks is not None:
                output = output * masks[layer]
        layers.append(output)
    return layers


def backward(
    parameters: Parameters, layers: list[np.ndarray], gradient: np.ndarray, masks: list[np.ndarray] | None = None
) -> Parameters:
    """Gradients by the parameters.

    Args:
        layers: what `forward` gave.
        gradient: of the loss by the last output, shape (members, batch, outputs).
    """
    gradients: Parameters = []
    for layer in reversed(range(len(parameters) // 2)):
        below = layers[layer]
        gradients = [np.swapaxes(below, 1, 2) @ gradient, gradient.sum(axis=1, keepdims=True), *gradients]
        if layer:
            gradient = gradient @ np.swapaxes(parameters[2 * layer], 1, 2)
            if masks is not None:
                gradient = gradient * masks[layer - 1]
            gradient = gradient * (below > 0)
    return gradients


@dataclass
class Adam:
    """Kingma & Ba, "Adam: A Method for Stochastic Optimization" (2015)."""

    parameters: Parameters
    rate: float = 1e-3
    steps: int = 0
    first: Parameters = field(default_factory=list)
    second: Parameters = field(default_factory=list)

    def __post_init__(self) -> None:
        self.first = [np.zeros_like(array) for array in self.parameters]
        self.second = [np.zeros_like(array) for array in self.parameters]

    def step(self, gradients: Parameters) -> None:
        """Change the parameters in place."""
        self.steps += 1
        scale = self.rate * math.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        for array, gradient, mean, square in zip(self.parameters, gradients, self.first, self.second, strict=True):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient * gradient - square)
            array -= (scale * mean / (np.sqrt(square) + 1e-8)).astype(array.dtype)


ErrorSignal = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Gradient of each example's loss by the output, given outputs and labels."""


def error_signal(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Gradient of the cross-entropy by the logit: P(y = 1) − y."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))) - y)


def residual(outputs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Gradient of half the squared error by the output."""
    return np.asarray(outputs - y)
