"""Detections against true boxes: overlap, greedy matching and average precision.

A box is `x_min, y_min, x_max, y_max` in continuous coordinates: its width is `x_max - x_min`, without the 1 that some metrics
add. Detections are processed by descending score; equal scores keep their given order, so callers pass images in
the order of the answers, never of the submission.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Interpolation = Literal["all points", "101 points"]

_BLOCK_PAIRS = 100_000
"""Pairs of boxes compared at once: few enough for the processor's cache."""


class Boxes(NamedTuple):
    """The boxes of all images."""

    images: IntArray
    """Number of the image of each box, shape (n,)."""
    labels: npt.NDArray[np.generic]
    """Class of each box, shape (n,)."""
    corners: FloatArray
    """Shape (n, 4)."""


def iou_matrix(boxes_a: FloatArray, boxes_b: FloatArray) -> FloatArray:
    """Intersection over union of each pair of boxes.

    Args:
        boxes_a: corners, shape (n, 4).
        boxes_b: corners, shape (m, 4).

    Returns:
        Shape (n, m), 0 to 1; 0 where the union is empty or a box has `max` below `min`.
        Source: the overlap criterion of Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 2010.
    """
    return _iou(boxes_a[:, None], boxes_b[None])


def _iou(boxes_a: FloatArray, boxes_b: FloatArray) -> FloatArray:
    """Intersection over union of boxes broadcast against each other."""
    sides = np.minimum(boxes_a[..., 2:], boxes_b[..., 2:]) - np.maximum(boxes_a[..., :2], boxes_b[..., :2])
    intersection = np.clip(sides, 0, None).prod(axis=-1)
    union = _areas(boxes_a) + _areas(boxes_b) - intersection
    return np.asarray(np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0))


def descending(scores: FloatArray) -> IntArray:
    """The order of detections by descending score; equal scores keep their order."""
    return np.argsort(-scores, kind="stable")


def greedy_match(
    overlap: FloatArray,
    threshold: float,
    *,
    inclusive: bool = False,
    ties: Literal["first", "last"] = "first",
    second_choice: bool = True,
) -> IntArray:
    """Assign each detection, in order, the truth that it overlaps most.

    Args:
        overlap: shape (detections, truths); detections in descending score.
        threshold: an overlap must be above this.
        inclusive: an overlap equal to the threshold is enough.
        ties: which of several equally overlapping truths is chosen.
        second_choice: whether a detection whose best truth is taken gets its best free one (COCO) or none (VOC).

    Returns:
        The truth assigned to each detection, or -1; int64, shape (detections,). No truth is assigned twice.
    """
    enough = overlap >= threshold if inclusive else overlap > threshold
    detections, truths = np.nonzero(enough)
    pairs = Pairs(detections, truths, overlap[enough])
    return match_pairs(pairs, *overlap.shape, ties=ties, second_choice=second_choice)


class Pairs(NamedTuple):
    """Pairs of detections and truths that overlap enough to match, in any order."""

    detections: IntArray
    """Number of the detection of each pair, shape (pairs,)."""
    truths: IntArray
    """Number of its truth, shape (pairs,)."""
    overlap: FloatArray
    """How much they overlap, shape (pairs,)."""


def match_pairs(
    pairs: Pairs, detections: int, truths: int, *, ties: Literal["first", "last"] = "first", second_choice: bool = True
) -> IntArray:
    """`greedy_match` for few pairs among many detections and truths, in time proportional to the pairs.

    Args:
        pairs: those that overlap enough, each once.
        detections: the number of detections; lower numbers choose first.
        truths: the number of truths.
        ties, second_choice: as for `greedy_match`.

    Returns:
        The truth assigned to each detection, or -1; int64, shape (detections,). No truth is assigned twice.
    """
    order = np.lexsort((pairs.truths if ties == "first" else -pairs.truths, -pairs.overlap, pairs.detections))
    suitors, wanted = pairs.detections[order], pairs.truths[order]
    if not second_choice:
        is_best = _opens_run(suitors)
        suitors, wanted = suitors[is_best], wanted[is_best]
    matched = np.full(detections, -1, dtype=np.int64)
    is_taken = np.zeros(truths, dtype=bool)
    first_suitor = np.empty(truths, dtype=np.int64)
    # a detection gets its best truth immediately if no earlier one overlaps that truth at all
    while len(suitors):
        # of several values for one position, the last one wins
        first_suitor[wanted[::-1]] = suitors[::-1]
        sure = _opens_run(suitors) & (first_suitor[wanted] == suitors)
        matched[suitors[sure]] = wanted[sure]
        is_taken[wanted[sure]] = True
        is_open = (matched[suitors] < 0) & ~is_taken[wanted]
        suitors, wanted = suitors[is_open], wanted[is_open]
    return matched


def _opens_run(values: IntArray) -> BoolArray:
    """Whether each value differs from the one before it."""
    return np.asarray(np.diff(values, prepend=-1) != 0)


def average_precision(hits: BoolArray, positives: int, interpolation: Interpolation = "all points") -> float:
    """Area under the precision-recall curve, precision made non-increasing from the right.

    Args:
        hits: whether each detection is correct, by descending score, shape (n,).
        positives: number of truths, at least 1.
        interpolation: `all points` sums over each step of recall (PASCAL VOC 2010 and later); `101 points` averages precision at
            recall 0, 0.01, …, 1 (Lin et al., "Microsoft COCO", 2014).

    Returns:
        0 to 1; 0 without detections.
    """
    if interpolation == "all points":
        return float(average_precisions(hits[None], positives)[0])
    recall, envelope = _recall_and_envelope(hits[None], positives)
    reached = np.searchsorted(recall[0], np.linspace(0, 1, 101), side="left")
    return float(np.append(envelope[0], 0.0)[reached].mean())


def average_precisions(hits: BoolArray, positives: int) -> FloatArray:
    """`average_precision` over all points for several thresholds at once: hits of shape (thresholds, n) give (thresholds,)."""
    recall, envelope = _recall_and_envelope(hits, positives)
    return np.asarray(np.sum(np.diff(recall, prepend=0.0, axis=1) * envelope, axis=1))


def _recall_and_envelope(hits: BoolArray, positives: int) -> tuple[FloatArray, FloatArray]:
    found = np.cumsum(hits, axis=1)
    precision = found / np.arange(1, hits.shape[1] + 1)
    return found / positives, np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]


def mean_average_precision(
    truth: Boxes, detections: Boxes, scores: FloatArray, threshold: float, labels: Sequence[object] = ()
) -> float:
    """PASCAL VOC 2010 mean average precision: all points, IoU above the threshold, a detection's best truth or none.

    Args:
        truth: the true boxes, at least one.
        detections: the predicted boxes; classes that do not occur in the truth do not count.
        scores: confidence of each detection, shape (n,).
        threshold: IoU that a hit must exceed.
        labels: the classes to average over; by default those in `truth`. Each must occur there.

    Returns:
        0 to 1; the unweighted mean over classes.

    Source: Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 2010, and its development kit.
    """
    of_truth, of_found = joint_codes(truth.labels, detections.labels)
    codes, first, positives = np.unique(of_truth, return_index=True, return_counts=True)
    names = truth.labels[first]
    hits = match_images(truth, detections, scores, threshold, second_choice=False) >= 0
    # equal scores of different images in the order of the images
    order = np.lexsort((detections.images, -scores, of_found))
    hits, of_found = hits[order], of_found[order]
    precisions = []
    for label in labels if len(labels) else np.unique(names):
        place = np.flatnonzero(names == label)[0]
        start, stop = np.searchsorted(of_found, [codes[place], codes[place] + 1])
        precisions.append(average_precision(hits[start:stop], int(positives[place])))
    return float(np.mean(precisions))


def match_images(
    truth: Boxes,
    detections: Boxes,
    scores: FloatArray,
    threshold: float,
    *,
    inclusive: bool = False,
    ties: Literal["first", "last"] = "first",
    second_choice: bool = True,
) -> IntArray:
    """`greedy_match` separately for each image and class.

    Args:
        truth: the true boxes.
        detections: the predicted boxes, in any order.
        scores: confidence of each detection, shape (n,).
        threshold, inclusive, ties, second_choice: as for `greedy_match`.

    Returns:
        For each detection, in the order given, the index in `truth` of its box, or -1.
    """
    of_truth, of_found = joint_codes((truth.images, truth.labels), (detections.images, detections.labels))
    ranked = np.lexsort((-scores, of_found))
    blocks = [Pairs(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))]
    for found, true in pairs_within_groups(of_found[ranked], of_truth, _BLOCK_PAIRS):
        overlap = _iou(detections.corners[ranked[found]], truth.corners[true])
        enough = overlap >= threshold if inclusive else overlap > threshold
        blocks.append(Pairs(found[enough], true[enough], overlap[enough]))
    pairs = Pairs(*map(np.concatenate, zip(*blocks, strict=True)))
    matched = np.empty(len(ranked), dtype=np.int64)
    matched[ranked] = match_pairs(pairs, len(ranked), len(of_truth), ties=ties, second_choice=second_choice)
    return matched


def joint_codes(*keys: npt.NDArray[np.generic] | tuple[npt.NDArray[np.generic], ...]) -> list[IntArray]:
    """Consecutive numbers from 0, equal for equal keys in any of the arrays.

    Args:
        keys: arrays, or equally long tuples of arrays whose values jointly form a key.

    Returns:
        One array per argument, of the same length; numbers ascend in order of the keys' first appearance.
    """
    parts = list(zip(*(key if isinstance(key, tuple) else (key,) for key in keys), strict=True))
    codes = np.zeros(sum(map(len, parts[0])), dtype=np.int64)
    for values in parts:
        kinds = {part.dtype.kind for part in values}
        found, uniques = pd.factorize(np.concatenate([part if len(kinds) == 1 else part.astype(object) for part in values]))
        codes = pd.factorize(codes * (len(uniques) + 1) + found)[0]
    return np.split(codes, np.cumsum([len(part) for part in parts[0]])[:-1])


def pairs_within_groups(groups_a: IntArray, groups_b: IntArray, most: int) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield all pairs of an index in `groups_a` and one in `groups_b` with the same number, ascending.

    Args:
        groups_a: numbers from 0, with few gaps.
        groups_b: the same.
        most: maximum pairs per block; exceeded only if one index of `groups_a` has more, since its pairs stay together.
    """
    order = np.argsort(groups_b, kind="stable")
    sizes = np.bincount(groups_b, minlength=int(groups_a.max(initial=-1)) + 1)
    first, partners = (np.cumsum(sizes) - sizes)[groups_a], sizes[groups_a]
    ends = np.cumsum(partners)
    total = int(ends[-1]) if len(ends) else 0
    cuts = np.unique([0, *np.searchsorted(ends, np.arange(most, total, most), side="right"), len(ends)]).tolist()
    for start, stop in pairwise(cuts):
        count = partners[start:stop]
        places = np.arange(count.sum()) + np.repeat(first[start:stop] - np.cumsum(count) + count, count)
        yield np.repeat(np.arange(start, stop), count), order[places]


def _areas(boxes: FloatArray) -> FloatArray:
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
