"""Pictures of drawn shapes, so that no data set holds their labels; and a small network that learns which shapes they show."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mlebench.research.trained_networks import Adam, backward, error_signal, forward, initial_parameters

SIDE = 10
"""Pixels of a picture's side."""
SHAPES = ("horizontal bar", "vertical bar", "rising diagonal", "falling diagonal", "cross", "saltire", "ring", "block")
"""The concepts; a picture shows two different ones, side by side, anywhere in its half."""
_PATTERN = 5


def pattern(shape: str) -> np.ndarray:
    """A shape as a 5 × 5 array of 0 and 1."""
    grid = np.zeros((_PATTERN, _PATTERN))
    lines: dict[str, list[Any]] = {
        "horizontal bar": [(2, slice(None))],
        "vertical bar": [(slice(None), 2)],
        "rising diagonal": [(np.arange(5), np.arange(5)[::-1])],
        "falling diagonal": [(np.arange(5), np.arange(5))],
        "cross": [(2, slice(None)), (slice(None), 2)],
        "saltire": [(np.arange(5), np.arange(5)), (np.arange(5), np.arange(5)[::-1])],
        "ring": [(0, slice(None)), (4, slice(None)), (slice(None), 0), (slice(None), 4)],
        "block": [(slice(1, 4), slice(1, 4))],
    }
    for line in lines[shape]:
        grid[line] = 1
    return grid


def draw_pictures(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy pictures and what they show.

    Returns:
        Pixels of shape (count, 10 · 20) and 0 or 1 per shape, shape (count, shapes).
    """
    labels = np.zeros((count, len(SHAPES)), dtype=np.int8)
    pixels = 0.25 * rng.standard_normal((count, SIDE, 2 * SIDE))
    patterns = np.stack([pattern(shape) for shape in SHAPES])
    places = np.arange(_PATTERN)
    for number in range(count):
        shown = rng.choice(len(SHAPES), size=2, replace=False)
        labels[number, shown] = 1
        for half, shape in enumerate(shown):
            row, column = rng.integers(SIDE - _PATTERN + 1, size=2)
            strength = rng.uniform(0.6, 1.2)
            pixels[number, row + places[:, None], half * SIDE + column + places[None, :]] += strength * patterns[shape]
    return pixels.reshape(count, -1).astype(np.float32), labels


def train_classifier(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, *, hidden: tuple[int, ...], steps: int
) -> list[np.ndarray]:
    """Weights and biases [W1, b1, …] of a network with ReLU whose outputs are a logit per label.

    Args:
        x: inputs, shape (n, inputs).
        y: labels 0 and 1, shape (n, labels).
    """
    parameters = initial_parameters(rng, 1, (x.shape[1], *hidden, y.shape[1]))
    optimiser = Adam(parameters, rate=2e-3)
    for _ in range(steps):
        rows = rng.integers(len(x), size=64)
        layers = forward(parameters, x[None, rows])
        signal = error_signal(layers[-1], y[None, rows]) / len(rows)
        optimiser.step(backward(parameters, layers, signal.astype(np.float32)))
    return [array[0] for array in parameters]


class Circuit(NamedTuple):
    """What explains one concept: importance of each unit of each hidden layer, higher for what matters more."""

    importance: tuple[np.ndarray, ...]

    def ranked(self, count: int) -> list[np.ndarray]:
        """The `count` most important units of each layer, the most important first."""
        return [np.argsort(-values, kind="stable")[:count] for values in self.importance]
