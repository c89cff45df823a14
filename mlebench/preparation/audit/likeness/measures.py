"""Rows of measurements that are near copies of others: every number a little changed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FEWEST_COLUMNS = 6
_NEAR = 0.05
"""A copy is nearer than this share of the distance to the next row."""
_BETWEEN = 0.15
_TIMES = 4
"""Rows nearer than `_NEAR` must be so many times those up to `_BETWEEN`; by chance they are at most half as many."""
_FEWEST = 3


def near_copies(wanted: npt.NDArray[np.float64], offered: npt.NDArray[np.float64]) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows so near each other, next to all other rows, that they are copies.

    Args:
        wanted: shape (m, columns), finite.
        offered: shape (n, columns), finite.

    Returns:
        Positions in both, one pair each; none if so near rows should be expected.
    """
    from scipy.spatial import cKDTree

    nothing = np.zeros(0, np.int64)
    if len(offered) < 10 or not len(wanted):
        return nothing, nothing
    spread = offered.std(axis=0)
    used = spread > 0
    if used.sum() < FEWEST_COLUMNS:
        return nothing, nothing
    tree = cKDTree(offered[:, used] / spread[used])
    distance, place = tree.query(wanted[:, used] / spread[used], k=2)
    # equal rows are found as such
    share = np.where(distance[:, 0] > 0, distance[:, 0] / np.maximum(distance[:, 1], 1e-12), 1.0)
    near = np.flatnonzero(share < _NEAR)
    between = int(((share >= _NEAR) & (share < _BETWEEN)).sum())
    if len(near) < _FEWEST or len(near) < _TIMES * between:
        return nothing, nothing
    return near, np.asarray(place[near, 0], np.int64)
