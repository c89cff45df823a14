"""Drawn pictures: patches with one figure of a few strokes each; a figure shares half of its strokes with another."""

from __future__ import annotations

import numpy as np

SIDE = 8
"""Pixels of a patch's side."""
_NOISE = 0.15


def draw_figures(rng: np.random.Generator, count: int) -> np.ndarray:
    """Figures of four strokes as patches of 0 and 1, shape (count, SIDE, SIDE); figures 2k and 2k + 1 share two strokes."""
    figures = np.zeros((count, SIDE, SIDE))
    for pair in range(0, count, 2):
        shared = _strokes(rng, 2)
        for figure in figures[pair : pair + 2]:
            figure[np.maximum(shared, _strokes(rng, 2)) > 0] = 1
    return figures


def _strokes(rng: np.random.Generator, count: int) -> np.ndarray:
    """Lines between points that leave a margin of one pixel."""
    drawn = np.zeros((SIDE, SIDE))
    for _ in range(count):
        start, end = rng.integers(1, SIDE - 1, size=2), rng.integers(1, SIDE - 1, size=2)
        while np.abs(start - end).max() < 3:
            end = rng.integers(1, SIDE - 1, size=2)
        steps = np.linspace(0, 1, 2 * SIDE)[:, None]
        rows, columns = np.rint(start + steps * (end - start)).astype(int).T
        drawn[rows, columns] = 1
    return drawn


def draw_patches(rng: np.random.Generator, figures: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Noisy patches with figures shifted by at most one pixel, shape (*shown.shape, SIDE · SIDE).

    Args:
        shown: number of the figure in each patch.
    """
    moved = np.stack([np.roll(figures, (row, column), axis=(1, 2)) for row in (-1, 0, 1) for column in (-1, 0, 1)])
    places = rng.integers(len(moved), size=shown.shape)
    strengths = rng.uniform(0.6, 1.2, size=(*shown.shape, 1, 1))
    pixels = strengths * moved[places, shown] + _NOISE * rng.standard_normal((*shown.shape, SIDE, SIDE))
    return pixels.reshape(*shown.shape, -1).astype(np.float32)


def draw_companions(rng: np.random.Generator, count: int) -> np.ndarray:
    """A companion for each figure, such that all figures form one cycle, shape (count,)."""
    order = rng.permutation(count)
    companions = np.empty(count, dtype=np.int64)
    companions[order] = np.roll(order, 1)
    return companions


def draw_scenes(rng: np.random.Generator, companions: np.ndarray, count: int, length: int) -> np.ndarray:
    """The figures of pictures, shape (count, length): in a quarter of cases one is followed by its companion, else by any."""
    shown = rng.integers(len(companions), size=(count, length))
    follows = rng.random((count, length)) < 0.25
    for place in range(1, length):
        shown[:, place] = np.where(follows[:, place], companions[shown[:, place - 1]], shown[:, place])
    return shown
