from typing import NamedTuple

import numpy as np
import pandas as pd

from grading import Grader, Real, Text, per_edition
from grading.metrics.boxes import joint_codes, pairs_within_groups
from grading.metrics.boxes_3d import bounds_of, iou_of_pairs, pairs_above
from grading.objects import ObjectList, flatten

THRESHOLDS = np.arange(50, 100, 5) / 100
BOX = ["center_x", "center_y", "center_z", "width", "length", "height", "yaw"]
SIZES = dict.fromkeys(["width", "length", "height"], Real(minimum=1e-6))
OBJECTS = ObjectList({"confidence": Real(), **{**dict.fromkeys(BOX, Real()), **SIZES}, "class_name": Text()})
BLOCK_PAIRS = 100_000


class Overlaps(NamedTuple):
    """Predictions that overlap a truth enough for the lowest threshold, by kind and descending confidence."""

    kind: np.ndarray
    """Number of the sample and class, shape (predictions,)."""
    rank: np.ndarray
    """Number of earlier predictions of the kind."""
    truth: np.ndarray
    """The truth that the prediction overlaps most; the first one if tied."""
    iou: np.ndarray
    """Its overlap with that truth."""


def mean_average_precision_3d(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean over samples, their true classes and the IoU thresholds 0.5, 0.55, …, 0.95 of the average precision.

    Args:
        truth: objects of each sample, shape (samples,).
        prediction: the same; classes that a sample's truth lacks do not count.

    Returns:
        0 to 1; samples without true objects are excluded.

    Source: the competition hosts' evaluation script.
    """
    true, found = flatten(truth), flatten(prediction)
    of_true, of_found = joint_codes(*((table["row"].to_numpy(), table["class_name"].to_numpy()) for table in (true, found)))
    samples = true["row"].to_numpy()[np.unique(of_true, return_index=True)[1]]
    positives = np.bincount(of_true)
    overlaps = best_overlaps(true[BOX].to_numpy(), of_true, found, of_found)
    precisions = np.stack([average_precisions(hits_above(threshold, overlaps), positives) for threshold in THRESHOLDS], axis=1)
    return float(pd.Series(precisions.mean(axis=1)).groupby(samples).mean().mean())


def best_overlaps(true_boxes: np.ndarray, of_true: np.ndarray, found: pd.DataFrame, of_found: np.ndarray) -> Overlaps:
    confidence = found["confidence"].to_numpy()
    # kinds are numbered by first appearance, true ones first
    counted = np.flatnonzero(of_found < len(np.bincount(of_true)))
    order = counted[np.lexsort((-confidence[counted], of_found[counted]))]
    kinds, boxes = of_found[order], found[BOX].to_numpy()[order]
    bounds, true_bounds = bounds_of(boxes), bounds_of(true_boxes)
    near = [np.empty((2, 0), dtype=np.int64)]
    for guess, target in pairs_within_groups(kinds, of_true, BLOCK_PAIRS):
        kept = pairs_above(THRESHOLDS[0], bounds, true_bounds, guess, target)
        near.append(np.stack([guess[kept], target[kept]]))
    guess, target = np.concatenate(near, axis=1)
    iou = iou_of_pairs(boxes[guess], true_boxes[target])
    enough = iou > THRESHOLDS[0]
    guess, target, iou = guess[enough], target[enough], iou[enough]
    best = np.lexsort((target, -iou, guess))
    best = best[np.diff(guess[best], prepend=-1) != 0]
    ranks = np.arange(len(kinds)) - np.searchsorted(kinds, kinds)
    return Overlaps(kinds[guess[best]], ranks[guess[best]], target[best], iou[best])


def hits_above(threshold: float, overlaps: Overlaps) -> Overlaps:
    """Predictions that are the first to overlap their truth by more than the threshold."""
    enough = np.flatnonzero(overlaps.iou > threshold)
    truth = overlaps.truth[enough]
    first = np.empty(truth.max(initial=-1) + 1, dtype=np.int64)
    # of several values for one position, the last one wins
    first[truth[::-1]] = enough[::-1]
    return Overlaps(*(values[enough[first[truth] == enough]] for values in overlaps))


def average_precisions(hits: Overlaps, positives: np.ndarray) -> np.ndarray:
    """Area under the precision-recall curve of each kind, precision made non-increasing from the right."""
    found = np.arange(len(hits.kind)) - np.searchsorted(hits.kind, hits.kind) + 1
    # precision falls between hits, so its maxima are at hits
    precision = pd.Series(found / (hits.rank + 1))[::-1]
    envelope = precision.groupby(hits.kind[::-1]).cummax()[::-1].to_numpy()
    recall_steps = found / positives[hits.kind] - (found - 1) / positives[hits.kind]
    return np.bincount(hits.kind, weights=recall_steps * envelope, minlength=len(positives))


boxes_of_samples = Grader(id="Id", columns={"PredictionString": OBJECTS}, metric=mean_average_precision_3d)
grader = per_edition(v1=boxes_of_samples, v2=boxes_of_samples)
