import numpy as np
import pandas as pd

from grading import Grader, Integer, Real, per_edition
from grading.metrics.boxes import Boxes, average_precision, descending, joint_codes, match_images, mean_average_precision
from grading.objects import ObjectList, flatten

from .boxes import CORNERS

IOU = 0.4
LARGEST_AREA = 1e10
PER_IMAGE = 100


def findings(classes: Integer) -> ObjectList:
    fields = {"class_id": classes, "confidence": Real(), **dict.fromkeys(CORNERS, Real())}
    return ObjectList(fields, allow_empty=False, most=2_000)


def true_boxes(answers: pd.DataFrame) -> Boxes:
    images = pd.factorize(answers["image_id"])[0]
    return Boxes(images, answers["class_id"].to_numpy(), answers[CORNERS].to_numpy(dtype=float))


def predicted_boxes(submission: pd.DataFrame) -> tuple[Boxes, np.ndarray]:
    table = flatten(submission["PredictionString"])
    boxes = Boxes(table["row"].to_numpy(), table["class_id"].to_numpy(), table[CORNERS].to_numpy(dtype=float))
    return boxes, table["confidence"].to_numpy()


def voc_map(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    return mean_average_precision(true_boxes(answers), *predicted_boxes(submission), IOU)


def published_map(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """COCO average precision at IoU 0.4, as the published grader computed it with pycocotools.

    It passed corners where width and height are expected and numbered boxes from 0, which means
    "unmatched" there.
    """
    truth = true_boxes(answers)
    found, confidence = predicted_boxes(submission)
    kept = strongest(found, confidence)
    found, confidence = pick(found, kept), confidence[kept]
    hits = match(truth, found, confidence, is_first=kept == 0) > 0
    is_ignored = ~hits & has_odd_area(found.corners)
    precisions = []
    for label, positives in zip(*np.unique(truth.labels, return_counts=True), strict=True):
        of_class = np.flatnonzero(~is_ignored & (found.labels == label))
        ranked = of_class[descending(confidence[of_class])]
        precisions.append(average_precision(hits[ranked], int(positives), "101 points"))
    return float(np.mean(precisions))


def pick(boxes: Boxes, rows: np.ndarray) -> Boxes:
    return Boxes(*(values[rows] for values in boxes))


def strongest(found: Boxes, confidence: np.ndarray) -> np.ndarray:
    """Positions of the 100 most confident predictions of each image and class, in ascending order."""
    (groups,) = joint_codes((found.images, found.labels))
    ranked = np.lexsort((-confidence, groups))
    places = np.arange(len(ranked)) - np.searchsorted(groups[ranked], groups[ranked])
    return np.sort(ranked[places < PER_IMAGE])


def match(truth: Boxes, found: Boxes, confidence: np.ndarray, is_first: np.ndarray) -> np.ndarray:
    """The true box of each prediction, or -1; the box taken by the very first prediction stays free for others."""
    truth, found = as_published(truth), as_published(found)
    matched = match_images(truth, found, confidence, IOU, inclusive=True, ties="last")
    if is_first.any():
        others = ~is_first
        matched[others] = match_images(truth, pick(found, others), confidence[others], IOU, inclusive=True, ties="last")
    return matched


def as_published(boxes: Boxes) -> Boxes:
    """The boxes whose width and height are the lower right corners of the given ones."""
    start = boxes.corners[:, :2]
    return boxes._replace(corners=np.hstack([start, start + boxes.corners[:, 2:]]))


def has_odd_area(corners: np.ndarray) -> np.ndarray:
    area = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    return (area < 0) | (area > LARGEST_AREA)


def perfect(answers: pd.DataFrame) -> pd.DataFrame:
    """Every true box with confidence 1, images in the order of the answers."""
    corners = answers[CORNERS].astype(float).astype(str).agg(" ".join, axis=1)
    boxes = answers["class_id"].astype(str) + " 1.0 " + corners
    return boxes.groupby(answers["image_id"], sort=False).agg(" ".join).rename("PredictionString").reset_index()


grader = per_edition(
    v1=Grader(id="image_id", columns={"PredictionString": findings(Integer())}, table_metric=published_map, perfect=perfect),
    v2=Grader(id="image_id", columns={"PredictionString": findings(Integer(0, 14))}, table_metric=voc_map, perfect=perfect),
)
