"""Overlap of upright 3-D boxes rotated about the vertical axis."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

CENTER = slice(0, 3)
WIDTH, LENGTH, HEIGHT, YAW = 3, 4, 5, 6
"""Columns of a box: centre x, y, z, then width, length and height, then yaw in radians: the length points along
(cos yaw, sin yaw), the width across."""

_BLOCK_PAIRS = 1_000
"""Few enough that intermediate results stay in the processor's cache."""
_TOLERANCE = 1e-9
_SLACK = 1.01
"""More than the tolerance can enlarge the overlap of boxes of 1e-6."""


def iou_of_pairs(boxes_a: FloatArray, boxes_b: FloatArray) -> FloatArray:
    """Volume of intersection over volume of union of pairs of boxes.

    Definition: https://www.kaggle.com/c/3d-object-detection-for-autonomous-vehicles/overview/evaluation

    Args:
        boxes_a: shape (pairs, 7), positive sizes.
        boxes_b: shape (pairs, 7).

    Returns:
        Shape (pairs,), 0 to 1.
    """
    half_a, half_b = boxes_a[:, HEIGHT] / 2, boxes_b[:, HEIGHT] / 2
    top = np.minimum(boxes_a[:, 2] + half_a, boxes_b[:, 2] + half_b)
    bottom = np.maximum(boxes_a[:, 2] - half_a, boxes_b[:, 2] - half_b)
    intersection = np.clip(top - bottom, 0, None)
    for start in range(0, len(boxes_a), _BLOCK_PAIRS):
        block = slice(start, start + _BLOCK_PAIRS)
        intersection[block] *= _ground_overlap(boxes_a[block], boxes_b[block])
    union = _volumes(boxes_a) + _volumes(boxes_b) - intersection
    return np.asarray(np.clip(intersection / union, 0, 1))


class Bounds(NamedTuple):
    """Cheap upper bounds on how much boxes can overlap."""

    centers: FloatArray
    """Shape (boxes, 3)."""
    half_sides: FloatArray
    """Half the sides of the axis-aligned bounding box, shape (boxes, 3)."""
    volumes: FloatArray
    """Of the turned boxes, shape (boxes,)."""


def bounds_of(boxes: FloatArray) -> Bounds:
    """The bounds of boxes of shape (boxes, 7)."""
    cosine, sine = np.abs(np.cos(boxes[:, YAW])), np.abs(np.sin(boxes[:, YAW]))
    length, width = boxes[:, LENGTH], boxes[:, WIDTH]
    sides = [length * cosine + width * sine, length * sine + width * cosine, boxes[:, HEIGHT]]
    return Bounds(boxes[:, CENTER], np.column_stack(sides) / 2, _volumes(boxes))


def pairs_above(iou: float, bounds_a: Bounds, bounds_b: Bounds, places_a: IntArray, places_b: IntArray) -> IntArray:
    """Pairs of boxes whose intersection over union may exceed `iou`: all that do, and few others.

    Args:
        iou: 0 to 1.
        bounds_a: of the first boxes.
        bounds_b: of the second ones.
        places_a: index of the first box of each pair, shape (pairs,).
        places_b: index of the second box.

    Returns:
        Numbers of pairs, ascending.
    """
    pairs, shared = np.arange(len(places_a)), np.ones(len(places_a))
    for axis in range(3):
        a, b = places_a[pairs], places_b[pairs]
        half_a, half_b = bounds_a.half_sides[a, axis], bounds_b.half_sides[b, axis]
        apart = np.abs(bounds_a.centers[a, axis] - bounds_b.centers[b, axis])
        side = np.minimum(half_a + half_b - apart, 2 * np.minimum(half_a, half_b))
        meets = side > 0
        pairs, shared = pairs[meets], shared[meets] * side[meets]
    volumes_a, volumes_b = bounds_a.volumes[places_a[pairs]], bounds_b.volumes[places_b[pairs]]
    shared = _SLACK * np.minimum(shared, np.minimum(volumes_a, volumes_b))
    return np.asarray(pairs[shared > iou * (volumes_a + volumes_b - shared)])


def _ground_overlap(boxes_a: FloatArray, boxes_b: FloatArray) -> FloatArray:
    """Area shared by the ground rectangles: the convex hull of corners inside the other rectangle and of edge crossings."""
    # coordinates relative to one box keep their precision
    origin = boxes_a[:, None, :2]
    corners_a, corners_b = _corners(boxes_a) - origin, _corners(boxes_b) - origin
    points = np.concatenate([corners_a, corners_b, _crossings(corners_a, corners_b)], axis=1)
    kept = np.concatenate(
        [
            _is_inside(corners_a + origin, boxes_b),
            _is_inside(corners_b + origin, boxes_a),
            np.isfinite(points[:, 8:, 0]),
        ],
        axis=1,
    )
    return _area(np.nan_to_num(points), kept)


def _corners(boxes: FloatArray) -> FloatArray:
    along = np.array([1, -1, -1, 1]) / 2 * boxes[:, LENGTH, None]
    across = np.array([1, 1, -1, -1]) / 2 * boxes[:, WIDTH, None]
    cosine, sine = np.cos(boxes[:, YAW, None]), np.sin(boxes[:, YAW, None])
    turned = np.stack([along * cosine - across * sine, along * sine + across * cosine], axis=-1)
    return np.asarray(turned + boxes[:, None, :2])


def _is_inside(points: FloatArray, boxes: FloatArray) -> npt.NDArray[np.bool_]:
    offset = points - boxes[:, None, :2]
    cosine, sine = np.cos(boxes[:, YAW, None]), np.sin(boxes[:, YAW, None])
    along = np.abs(offset[..., 0] * cosine + offset[..., 1] * sine)
    across = np.abs(offset[..., 1] * cosine - offset[..., 0] * sine)
    slack = _TOLERANCE * (1 + np.abs(boxes[:, None, LENGTH]))
    return np.asarray((along <= boxes[:, None, LENGTH] / 2 + slack) & (across <= boxes[:, None, WIDTH] / 2 + slack))


def _crossings(corners_a: FloatArray, corners_b: FloatArray) -> FloatArray:
    """Where edges of A and B cross, shape (pairs, 16, 2); NaN where they do not."""
    start_a, start_b = corners_a[:, :, None], corners_b[:, None, :]
    edge_a, edge_b = np.roll(corners_a, -1, axis=1)[:, :, None] - start_a, np.roll(corners_b, -1, axis=1)[:, None, :] - start_b
    between = start_b - start_a
    turn = _cross(edge_a, edge_b)
    with np.errstate(divide="ignore", invalid="ignore"):
        place_a, place_b = _cross(between, edge_b) / turn, _cross(between, edge_a) / turn
    # nearly parallel edges meet at corners, which are found separately
    steep = np.abs(turn) > _TOLERANCE * np.linalg.norm(edge_a, axis=-1) * np.linalg.norm(edge_b, axis=-1)
    cross = steep & (place_a >= 0) & (place_a <= 1) & (place_b >= 0) & (place_b <= 1)
    points = start_a + np.where(cross, place_a, np.nan)[..., None] * edge_a
    return np.asarray(points.reshape(len(corners_a), 16, 2))


def _area(points: FloatArray, kept: npt.NDArray[np.bool_]) -> FloatArray:
    """Area of the convex polygons whose corners are the kept points, in any order and repeated; shape (polygons,)."""
    count = kept.sum(axis=1)
    middle = (points * kept[..., None]).sum(axis=1) / np.maximum(count, 1)[:, None]
    offset = points - middle[:, None]
    angle = np.where(kept, np.arctan2(offset[..., 1], offset[..., 0]), np.inf)
    order = np.argsort(angle, axis=1)
    ring = np.take_along_axis(offset, order[..., None], axis=1)
    # positions after the last kept point repeat the first one and add nothing
    ring = np.where(np.take_along_axis(kept, order, axis=1)[..., None], ring, ring[:, :1])
    return np.where(count > 2, _cross(ring, np.roll(ring, -1, axis=1)).sum(axis=1) / 2, 0.0)


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def _radii(boxes: FloatArray) -> FloatArray:
    return np.asarray(np.hypot(boxes[:, WIDTH], boxes[:, LENGTH]) / 2)


def _volumes(boxes: FloatArray) -> FloatArray:
    return np.asarray(boxes[:, WIDTH] * boxes[:, LENGTH] * boxes[:, HEIGHT])
