"""Synthetic pictures of shapes, with labels that exist nowhere else, and a small network that learns to recognise the shapes."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np

from mlebench.research.trained_networks import Adam, backward, error_signal, forward, initial_parameters

SIDE = 8
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


@functools.cache
def _templates() -> np.ndarray:
    """Every shape at every position in half a picture, shape (shapes, places, SIDE, SIDE)."""
    offsets = range(SIDE - _PATTERN + 1)
    templates = np.zeros((len(SHAPES), len(offsets) ** 2, SIDE, SIDE))
    for number, shape in enumerate(SHAPES):
        for place, (row, column) in enumerate(itertools.product(offsets, offsets)):
            templates[number, place, row : row + _PATTERN, column : column + _PATTERN] = pattern(shape)
    return templates


def draw_pictures(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy pictures and their labels.

    Returns:
        Pixels of shape (count, 8 · 16), row by row, and 0 or 1 per shape, shape (count, shapes).
    """
    shown = rng.permuted(np.tile(np.arange(len(SHAPES)), (count, 1)), axis=1)[:, :2]
    templates = _templates()
    places = rng.integers(templates.shape[1], size=(count, 2))
    strengths = rng.uniform(0.6, 1.2, size=(count, 2, 1, 1))
    halves = strengths * templates[shown, places]
    pixels = np.concatenate([halves[:, 0], halves[:, 1]], axis=2) + 0.25 * rng.standard_normal((count, SIDE, 2 * SIDE))
    labels = np.zeros((count, len(SHAPES)), dtype=np.int8)
    np.put_along_axis(labels, shown, 1, axis=1)
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
