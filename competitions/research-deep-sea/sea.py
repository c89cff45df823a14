"""The deep sea: a grid in which a long run of moves to the right finds a treasure, and the return of optimal play."""

from __future__ import annotations

import numpy as np

COST = 0.01
"""Total cost of `depth` moves to the right."""


def solve(right: np.ndarray, treasure: np.ndarray, depth: int) -> np.ndarray:
    """Values of both actions under optimal play.

    Args:
        right: probability that action 1 moves right and action 0 left, shape (…, depth, depth); 0 or 1 in a known sea.
        treasure: reward for ending in each column, shape (…, depth + 1).
        depth: number of moves.

    Returns:
        Shape (…, depth, depth, 2). Unreachable states have values, too.
    """
    following = np.asarray(treasure, dtype=np.float64)
    columns = np.arange(depth)
    values = np.empty((*right.shape, 2))
    for row in reversed(range(depth)):
        to_right = following[..., columns + 1] - COST / depth
        to_left = following[..., np.maximum(columns - 1, 0)]
        chance = right[..., row, :]
        values[..., row, :, 1] = chance * to_right + (1 - chance) * to_left
        values[..., row, :, 0] = chance * to_left + (1 - chance) * to_right
        best = values[..., row, :, :].max(axis=-1)
        following = np.concatenate([best, best[..., -1:]], axis=-1)
    return values


def random_return(treasure: int, depth: int) -> float:
    """Expected return of random actions in a sea whose treasure, 1, lies in the given column."""
    chances = np.zeros(depth + 1)
    chances[0] = 1.0
    for _ in range(depth):
        moved = np.zeros(depth + 1)
        moved[1:] += chances[:-1] / 2
        moved[:-1] += chances[1:] / 2
        moved[0] += chances[0] / 2
        chances = moved
    return float(chances[treasure]) - COST / 2


def best_return(treasure: int, depth: int) -> float:
    """Return of optimal play, with as few moves to the right as lead to the treasure."""
    return 1 - COST * treasure / depth
