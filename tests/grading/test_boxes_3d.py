"""Overlap of turned boxes, against sampling and examples worked by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.metrics.boxes_3d import bounds_of, iou_of_pairs, pairs_above

size = st.floats(0.5, 6)
box = st.tuples(*[st.floats(-3, 3)] * 3, size, size, size, st.floats(-4, 4)).map(list)


def iou(a, b):
    return float(iou_of_pairs(np.array([a], dtype=float), np.array([b], dtype=float))[0])


def test_worked_by_hand():
    cube = [0, 0, 0, 2, 2, 2, 0]
    assert iou(cube, cube) == pytest.approx(1)
    assert iou(cube, [1, 0, 0, 2, 2, 2, 0]) == pytest.approx(4 / 12)
    assert iou(cube, [0, 0, 1, 2, 2, 2, 0]) == pytest.approx(4 / 12)
    assert iou(cube, [2, 0, 0, 2, 2, 2, 0]) == 0
    assert iou(cube, [0, 0, 2, 2, 2, 2, 0]) == 0
    # a square turned by 45 degrees shares a regular octagon
    octagon = 8 * (np.sqrt(2) - 1)
    assert iou(cube, [0, 0, 0, 2, 2, 2, np.pi / 4]) == pytest.approx(octagon / (8 - octagon))
    # length points along yaw, width across
    assert iou([0, 0, 0, 2, 8, 2, 0], [0, 0, 0, 8, 2, 2, np.pi / 2]) == pytest.approx(1)
    assert iou([0, 0, 0, 2, 8, 2, 0], [0, 0, 0, 2, 8, 2, np.pi / 2]) == pytest.approx(4 / 28)
    # one inside the other
    assert iou([0, 0, 0, 4, 4, 4, 0.3], [0.1, 0, 0, 1, 1, 4, 1.2]) == pytest.approx(1 / 16)


def test_far_from_the_origin_equal_boxes_are_equal():
    far = [2509.68, 755.69, -17.97, 2.1, 4.86, 1.82, 2.45]
    assert iou(far, far) == pytest.approx(1, abs=1e-9)
    nudged = [far[0] + 1e-7, *far[1:]]
    assert iou(far, nudged) == pytest.approx(1, abs=1e-6)


@settings(max_examples=60)
@given(box, box)
def test_equal_to_sampling(a, b):
    a, b = np.array(a), np.array(b)
    grid = np.stack(np.meshgrid(*[(np.arange(60) + 0.5) / 60 - 0.5] * 2), axis=-1).reshape(-1, 2)
    along, across = grid[:, 0] * a[4], grid[:, 1] * a[3]
    x = a[0] + along * np.cos(a[6]) - across * np.sin(a[6]) - b[0]
    y = a[1] + along * np.sin(a[6]) + across * np.cos(a[6]) - b[1]
    inside = (np.abs(x * np.cos(b[6]) + y * np.sin(b[6])) <= b[4] / 2) & (np.abs(y * np.cos(b[6]) - x * np.sin(b[6])) <= b[3] / 2)
    height = max(0, min(a[2] + a[5] / 2, b[2] + b[5] / 2) - max(a[2] - a[5] / 2, b[2] - b[5] / 2))
    shared = inside.mean() * a[3] * a[4] * height
    expected = shared / (np.prod(a[3:6]) + np.prod(b[3:6]) - shared)
    assert iou(a, b) == pytest.approx(expected, abs=0.04)
    assert iou(a, b) == pytest.approx(iou(b, a), abs=1e-9)


@given(st.lists(box, min_size=1, max_size=5), st.lists(box, min_size=1, max_size=5), st.sampled_from([0.0, 0.1, 0.5, 0.9]))
def test_no_pair_that_overlaps_more_is_left_out(first, second, least):
    first, second = np.array(first), np.array([*second, *first])
    places_a, places_b = np.divmod(np.arange(len(first) * len(second)), len(second))
    above = pairs_above(least, bounds_of(first), bounds_of(second), places_a, places_b)
    wanted = np.flatnonzero(iou_of_pairs(first[places_a], second[places_b]) > least)
    assert set(wanted.tolist()) <= set(above.tolist())


def test_the_smallest_boxes_are_found_in_spite_of_the_tolerance():
    boxes = np.array([[0, 0, 0, 1e-6, 1e-6, 1e-6, 0], [0.36e-6, 0, 0, 1e-6, 1e-6, 1e-6, 0.1]])
    (overlap,) = iou_of_pairs(boxes[:1], boxes[1:])
    assert pairs_above(overlap - 1e-9, bounds_of(boxes), bounds_of(boxes), np.array([0]), np.array([1])).tolist() == [0]


def test_distant_and_small_pairs_are_left_out():
    boxes = np.array([[0.0, 0, 0, 2, 2, 2, 0.5], [5, 0, 0, 2, 2, 2, 0], [0, 0, 3, 2, 2, 2, 0], [0, 0, 0, 1, 1, 1, 0]])
    bounds = bounds_of(boxes)
    assert pairs_above(0.5, bounds, bounds, np.zeros(4, dtype=int), np.arange(4)).tolist() == [0]
    assert pairs_above(0.0, bounds, bounds, np.zeros(4, dtype=int), np.arange(4)).tolist() == [0, 3]


@given(box)
def test_a_box_is_itself_from_the_back(a):
    assert iou(a, [*a[:6], a[6] + np.pi]) == pytest.approx(1, abs=1e-9)
