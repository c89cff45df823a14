"""Detections against true boxes: overlap, greedy matching and average precision.

A box is `x_min, y_min, x_max, y_max` in continuous coordinates: its width is `x_max - x_min`, without the 1 that some metrics
add. Detections take part in descending score; equal scores keep the order in which they are given, so callers give images in
the order of the answers, never of the submission.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Interpolation = Literal["all points", "101 points"]


class Boxes(NamedTuple):
    """The boxes of all images."""

    images: IntArray
    """Number of the image of each box, shape (n,)."""
    labels: npt.NDArray[np.generic]
    """Class of each box, shape (n,)."""
    corners: FloatArray
    """Shape (n, 4)."""

    def of_label(self, label: object) -> Boxes:
        """The boxes of one class."""
        return Boxes(*(values[self.labels == label] for values in self))


def iou_matrix(boxes_a: FloatArray, boxes_b: FloatArray) -> FloatArray:
    """Intersection over union of each pair of boxes.

    Args:
        boxes_a: corners, shape (n, 4).
        boxes_b: corners, shape (m, 4).

    Returns:
        Shape (n, m), 0 to 1; 0 where the union is empty or a box has `max` below `min`.
        Source: the overlap criterion of Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 2010.
    """
    sides = np.minimum(boxes_a[:, None, 2:], boxes_b[None, :, 2:]) - np.maximum(boxes_a[:, None, :2], boxes_b[None, :, :2])
    intersection = np.clip(sides, 0, None).prod(axis=2)
    union = _areas(boxes_a)[:, None] + _areas(boxes_b)[None, :] - intersection
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
    """Let each detection, in order, take the truth that it overlaps most.

    Args:
        overlap: shape (detections, truths); detections in descending score.
        threshold: an overlap must be above this.
        inclusive: an overlap equal to the threshold is enough.
        ties: which of several equally overlapping truths is taken.
        second_choice: a detection whose best truth is taken may have its best free one (COCO); otherwise it has none (VOC).

    Returns:
        The truth that each detection gets, or -1; int64, shape (detections,). No truth is given twice.
    """
    enough = overlap >= threshold if inclusive else overlap > threshold
    if second_choice:
        return _match_free(overlap, enough, ties)
    matched = np.full(len(overlap), -1, dtype=np.int64)
    hopeful = np.flatnonzero(enough.any(axis=1))
    if not len(hopeful):
        return matched
    best, first = np.unique(_best(np.where(enough[hopeful], overlap[hopeful], -np.inf), ties), return_index=True)
    matched[hopeful[first]] = best
    return matched


def _match_free(overlap: FloatArray, enough: BoolArray, ties: Literal["first", "last"]) -> IntArray:
    """Let each detection take its best free truth, in work that grows with matches, not with detections that come too late."""
    matched = np.full(len(overlap), -1, dtype=np.int64)
    enough = enough.copy()
    choices = enough.sum(axis=1)
    detection = -1
    while (later := choices[detection + 1 :] > 0).any():
        detection += 1 + int(np.argmax(later))
        best = int(_best(np.where(enough[detection], overlap[detection], -np.inf)[None], ties)[0])
        matched[detection] = best
        choices -= enough[:, best]
        enough[:, best] = False
    return matched


def _best(values: FloatArray, ties: Literal["first", "last"]) -> IntArray:
    """The place of the largest value of each row."""
    if ties == "first":
        return np.asarray(values.argmax(axis=1))
    return np.asarray(values.shape[1] - 1 - values[:, ::-1].argmax(axis=1))


def average_precision(hits: BoolArray, positives: int, interpolation: Interpolation = "all points") -> float:
    """Area under the precision-recall curve, precision made non-increasing from the right.

    Args:
        hits: whether each detection is right, in descending score, shape (n,).
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
    precisions = []
    for label in labels if len(labels) else np.unique(truth.labels):
        true, found = truth.of_label(label), detections.of_label(label)
        confidence = scores[detections.labels == label]
        hits = match_images(true, found, confidence, threshold, second_choice=False) >= 0
        # equal scores of different images in the order of the images
        order = np.lexsort((found.images, -confidence))
        precisions.append(average_precision(hits[order], len(true.images)))
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
    """`greedy_match` image by image, for the boxes of one class.

    Args:
        truth: the true boxes.
        detections: the predicted boxes, in any order.
        scores: confidence of each detection, shape (n,).
        threshold, inclusive, ties, second_choice: as for `greedy_match`.

    Returns:
        For each detection, in the order given, the position in `truth` of the box that it gets, or -1.
    """
    matched = np.full(len(detections.images), -1, dtype=np.int64)
    for true, found in groups(truth.images, detections.images):
        if not len(true) or not len(found):
            continue
        ranked = found[descending(scores[found])]
        overlap = iou_matrix(detections.corners[ranked], truth.corners[true])
        taken = greedy_match(overlap, threshold, inclusive=inclusive, ties=ties, second_choice=second_choice)
        matched[ranked] = np.where(taken >= 0, true[taken], -1)
    return matched


def groups(*keys: IntArray) -> Iterator[tuple[IntArray, ...]]:
    """For each key that occurs in any of the arrays, in ascending order, its positions in each of them."""
    orders = [np.argsort(values, kind="stable") for values in keys]
    unique = np.unique(np.concatenate(keys))
    bounds = [
        (np.searchsorted(values[order], unique, "left").tolist(), np.searchsorted(values[order], unique, "right").tolist())
        for values, order in zip(keys, orders, strict=True)
    ]
    for k in range(len(unique)):
        yield tuple(order[first[k] : last[k]] for order, (first, last) in zip(orders, bounds, strict=True))


def _areas(boxes: FloatArray) -> FloatArray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
