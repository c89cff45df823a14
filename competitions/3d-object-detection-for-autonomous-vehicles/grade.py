from collections.abc import Iterator

import numpy as np
import pandas as pd

from grading import Grader, Real, Text, per_edition
from grading.metrics.boxes import average_precisions, groups
from grading.metrics.boxes_3d import iou_of_pairs, may_overlap
from grading.objects import ObjectList, flatten

THRESHOLDS = np.arange(50, 100, 5) / 100
BOX = ["center_x", "center_y", "center_z", "width", "length", "height", "yaw"]
SIZES = dict.fromkeys(["width", "length", "height"], Real(minimum=1e-6))
OBJECTS = ObjectList({"confidence": Real(), **{**dict.fromkeys(BOX, Real()), **SIZES}, "class_name": Text()})
BLOCK_PAIRS = 200_000


def mean_average_precision_3d(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean over samples, their true classes and the IoU thresholds 0.5, 0.55, …, 0.95 of the average precision.

    Args:
        truth: objects of each sample, shape (samples,).
        prediction: the same; classes that a sample's truth lacks do not count.

    Returns:
        0 to 1; samples without true objects are left out.

    Source: the competition hosts' evaluation script.
    """
    true, found = flatten(truth), flatten(prediction)
    kinds = true[["row", "class_name"]].drop_duplicates(ignore_index=True).reset_index(names="kind")
    true = true.merge(kinds, how="left")
    found = found.merge(kinds).sort_values("confidence", ascending=False, kind="stable", ignore_index=True)
    hits = hits_by_threshold(true, found)
    precision = np.zeros(len(kinds))
    for kind, (boxes, guesses) in enumerate(groups(true["kind"].to_numpy(), found["kind"].to_numpy())):
        precision[kind] = average_precisions(hits[:, guesses], len(boxes)).mean()
    return float(pd.Series(precision).groupby(kinds["row"]).mean().mean())


def hits_by_threshold(true: pd.DataFrame, found: pd.DataFrame) -> np.ndarray:
    """Whether each prediction, in descending confidence, is the first that overlaps its best truth enough.

    Returns:
        Shape (thresholds, predictions).
    """
    best, overlap = best_truths(true, found)
    reached = pd.Series(overlap).groupby(best)
    before = reached.cummax().groupby(best).shift(fill_value=0.0).to_numpy()
    return (overlap > THRESHOLDS[:, None]) & (before <= THRESHOLDS[:, None])


def best_truths(true: pd.DataFrame, found: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The truth that each prediction overlaps most (the first one of equals, -1 for none) and their IoU."""
    true_boxes, found_boxes = true[BOX].to_numpy(dtype=float), found[BOX].to_numpy(dtype=float)
    best, overlap = np.full(len(found), -1), np.zeros(len(found))
    for pairs in near_pairs(true, found, true_boxes, found_boxes):
        iou = iou_of_pairs(found_boxes[pairs[:, 0]], true_boxes[pairs[:, 1]])
        order = np.lexsort((pairs[:, 1], -iou, pairs[:, 0]))
        guesses, first = np.unique(pairs[order, 0], return_index=True)
        best[guesses], overlap[guesses] = pairs[order[first], 1], iou[order[first]]
    return best, overlap


def near_pairs(true: pd.DataFrame, found: pd.DataFrame, true_boxes: np.ndarray, found_boxes: np.ndarray) -> Iterator[np.ndarray]:
    """Pairs (prediction, truth) of one sample and class that may overlap, in blocks; all pairs of a prediction are in one."""
    block, count = [np.empty((0, 2), dtype=np.int64)], 0
    for boxes, guesses in groups(true["kind"].to_numpy(), found["kind"].to_numpy()):
        pairs = np.argwhere(may_overlap(found_boxes[guesses], true_boxes[boxes]))
        block.append(np.column_stack([guesses[pairs[:, 0]], boxes[pairs[:, 1]]]))
        count += len(pairs)
        if count > BLOCK_PAIRS:
            yield np.concatenate(block)
            block, count = block[:1], 0
    yield np.concatenate(block)


boxes_of_samples = Grader(id="Id", columns={"PredictionString": OBJECTS}, metric=mean_average_precision_3d)
grader = per_edition(v1=boxes_of_samples, v2=boxes_of_samples)
