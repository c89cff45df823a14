"""Metrics of masks, computed from their runs; a mask is a `grading.metrics.run_length.Runs`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from grading.metrics.run_length import count_pixels

Masks = npt.NDArray[Any]
"""One mask per row: object array of `Runs`, shape (rows,)."""


def dice(truth: Masks, prediction: Masks) -> npt.NDArray[np.float64]:
    """Dice coefficient 2·|A∩B| / (|A|+|B|) of each row.

    Source: Dice, "Measures of the Amount of Ecologic Association Between Species", 1945.

    Args:
        truth: true masks, shape (rows,).
        prediction: predicted masks, shape (rows,).

    Returns:
        0 to 1, shape (rows,); NaN if both masks are empty, for the caller to resolve.
    """
    counts = count_pixels(list(truth), list(prediction))
    total = counts.first + counts.second
    return np.asarray(np.divide(2.0 * counts.shared, total, out=np.full(len(total), np.nan), where=total > 0))


def mean_dice(truth: Masks, prediction: Masks) -> float:
    """Mean over rows of what `dice` gives for the same arguments, 0 to 1; 1 if both masks are empty; higher is better."""
    return float(np.mean(np.nan_to_num(dice(truth, prediction), nan=1.0)))


def pooled_dice(truth: Masks, prediction: Masks) -> float:
    """Dice coefficient over the pixels of all rows, 0 to 1; 1 if all masks are empty; higher is better.

    Arguments are those of `dice`.
    """
    first, second, shared = (int(values.sum()) for values in count_pixels(list(truth), list(prediction)))
    return 2 * shared / (first + second) if first + second else 1.0


def mean_pixel_f_beta(truth: Masks, prediction: Masks, beta: float) -> float:
    """Mean over rows of the F-beta score of pixels, (1+β²)·tp / ((1+β²)·tp + β²·fn + fp).

    Args:
        truth: true masks, shape (rows,).
        prediction: predicted masks, shape (rows,).
        beta: below 1, precision counts more than recall.

    Returns:
        0 to 1; 0 for a row without a true positive, also where both masks are empty (as scikit-learn's `fbeta_score`).
    """
    expected, predicted, hits = count_pixels(list(truth), list(prediction))
    missed, wrong = expected - hits, predicted - hits
    weighted = (1 + beta**2) * hits
    return float(np.mean(weighted / np.maximum(weighted + beta**2 * missed + wrong, np.finfo(float).tiny)))


def hausdorff(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_], spacing: npt.NDArray[np.float64]) -> float:
    """Hausdorff distance of two masks: the largest distance from a point of one to the nearest point of the other.

    The larger of SciPy's `directed_hausdorff` in both directions.

    Args:
        a: mask of any number of dimensions, with at least one point.
        b: mask of the same shape, with at least one point.
        spacing: distance of neighbouring points along each axis, shape (dimensions,).

    Returns:
        The Euclidean distance, at least 0. Memory is some 10 bytes per point of the box that holds both masks.
    """
    box = _extent(a | b)
    a, b = np.ascontiguousarray(a[box]), np.ascontiguousarray(b[box])
    return max(_farthest(a, b, spacing), _farthest(b, a, spacing))


def _extent(mask: npt.NDArray[np.bool_]) -> tuple[slice, ...]:
    """The smallest box that holds all points of a mask."""
    box = []
    for axis in range(mask.ndim):
        others = tuple(k for k in range(mask.ndim) if k != axis)
        filled = np.flatnonzero(mask.any(axis=others))
        box.append(slice(int(filled[0]), int(filled[-1]) + 1))
    return tuple(box)


_NEAR = 4
"""Points up to this many steps away are searched position by position."""
_MOST_NEAR = 100_000
"""Used for at most this many points."""
_PARTS = 4
"""Parts into which a cube of points is divided along each axis."""
_LEVELS = 2
"""How often cubes are divided until each is a point."""


def _farthest(start: npt.NDArray[np.bool_], goal: npt.NDArray[np.bool_], spacing: npt.NDArray[np.float64]) -> float:
    """The largest distance of a point of `start` from `goal`.

    Points near the goal are handled first. Among the others, cubes whose centre is so much nearer than another's that no point
    of theirs can be the farthest are skipped, so that millions of points cost few look-ups.
    """
    outside = start & ~goal
    if not outside.any():
        return 0.0
    distance, distant = _without_near(outside, goal, spacing)
    return distance if distant is None else _farthest_of_distant(distant, goal, spacing)


def _without_near(
    outside: npt.NDArray[np.bool_], goal: npt.NDArray[np.bool_], spacing: npt.NDArray[np.float64]
) -> tuple[float, npt.NDArray[np.bool_] | None]:
    """The largest distance of the points that are near the goal, and the other points, None if there are none."""
    margin = np.floor(_NEAR * spacing.min() / spacing).astype(int)
    edges = [(width, width) for width in margin]
    widened = np.pad(goal, edges).ravel()
    points = np.flatnonzero(np.pad(outside, edges))
    if len(points) > _MOST_NEAR:
        return 0.0, outside
    shape = np.array(goal.shape) + 2 * margin
    steps = np.array(list(np.ndindex(*(2 * margin + 1)))) - margin
    distances = np.linalg.norm(steps * spacing, axis=1)
    order = np.argsort(distances, kind="stable")
    order = order[distances[order] <= _NEAR * spacing.min()]
    shifts = steps @ np.append(np.cumprod(shape[:0:-1])[::-1], 1)
    distance = 0.0
    # the first goal position found is the nearest
    for distance, shift in zip(distances[order].tolist(), shifts[order].tolist(), strict=True):
        points = points[~widened[points + shift]]
        if not len(points):
            return distance, None
    distant = np.zeros(len(widened), dtype=bool)
    distant[points] = True
    return distance, distant.reshape(shape)[
        tuple(slice(width, length - width) for width, length in zip(margin, shape, strict=True))
    ]


def _farthest_of_distant(outside: npt.NDArray[np.bool_], goal: npt.NDArray[np.bool_], spacing: npt.NDArray[np.float64]) -> float:
    from scipy.spatial import KDTree

    # the point of a mask nearest to an outside point is on its surface
    surface = goal & ~_eroded(goal)
    tree = KDTree(np.argwhere(surface) * spacing, balanced_tree=False, compact_nodes=False)
    layers = [outside]
    for _ in range(_LEVELS):
        layers.append(_any_of_cubes(layers[-1]))
    hopeful = layers[-1]
    for level in range(_LEVELS, 0, -1):
        edge = _PARTS**level
        cubes = np.argwhere(hopeful)
        distances, _ = tree.query((cubes * edge + (edge - 1) / 2) * spacing)
        reach = float(np.linalg.norm((edge - 1) / 2 * spacing))
        farthest = np.zeros_like(hopeful)
        farthest[tuple(cubes[distances >= distances.max() - 2.001 * reach].T)] = True
        hopeful = layers[level - 1] & _divided(farthest, layers[level - 1].shape)
    distances, _ = tree.query(np.argwhere(hopeful) * spacing)
    return float(distances.max())


def _eroded(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The points whose neighbours along each axis are all set; SciPy's `binary_erosion`, several times as fast."""
    inner = mask.copy()
    for axis in range(mask.ndim):
        whole, kept = np.moveaxis(mask, axis, 0), np.moveaxis(inner, axis, 0)
        kept[1:] &= whole[:-1]
        kept[:-1] &= whole[1:]
        kept[[0, -1]] = False
    return inner


def _any_of_cubes(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether any point of each cube of points is set; the last cubes of an axis may be cut."""
    for axis in range(mask.ndim):
        along = np.moveaxis(mask, axis, 0)
        joined = along[::_PARTS].copy()
        for k in range(1, _PARTS):
            part = along[k::_PARTS]
            joined[: len(part)] |= part
        mask = np.moveaxis(joined, 0, axis)
    return mask


def _divided(cubes: npt.NDArray[np.bool_], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """The points of each cube, cut to a shape."""
    for axis, length in enumerate(shape):
        cubes = np.repeat(cubes, _PARTS, axis=axis)[(slice(None),) * axis + (slice(length),)]
    return cubes
