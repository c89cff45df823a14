import numpy as np
import pandas as pd

from grading import Grader, Real, Text, per_edition
from grading.metrics.boxes import Pairs, joint_codes, match_pairs, pairs_within_groups
from grading.objects import ObjectList, flatten

POINT = {"label": Text(), "x": Real(), "y": Real()}
BOXES = ObjectList({**POINT, "width": Real(), "height": Real()})
BLOCK_PAIRS = 100_000


def true_boxes(answers: pd.DataFrame) -> np.ndarray:
    return BOXES.parse(answers["labels"], answers["image_id"])


def f1_of_points(truth: np.ndarray, prediction: np.ndarray) -> float:
    """F1 score over the characters of all pages; a point inside a box of its label hits it, and each box is hit at most once.

    Args:
        truth: boxes of each page, shape (pages,); in written order, each takes the first free point that hits it.
        prediction: points of each page, shape (pages,).

    Returns:
        0 to 1; 0 without a hit.
    """
    boxes, points = flatten(truth), flatten(prediction)
    total = len(boxes) + len(points)
    return 2 * count_hits(boxes, points) / total if total else 0.0


def count_hits(boxes: pd.DataFrame, points: pd.DataFrame) -> int:
    of_box, of_point = joint_codes(*((table["row"].to_numpy(), table["label"].to_numpy()) for table in (boxes, points)))
    blocks = [np.empty((2, 0), dtype=np.int64)]
    for box, point in pairs_within_groups(of_box, of_point, BLOCK_PAIRS):
        inside = np.ones(len(box), dtype=bool)
        for start, extent in (("x", "width"), ("y", "height")):
            low, position = boxes[start].to_numpy()[box], points[start].to_numpy()[point]
            inside &= (low < position) & (position < low + boxes[extent].to_numpy()[box])
        blocks.append(np.stack([box[inside], point[inside]]))
    box, point = np.concatenate(blocks, axis=1)
    return int((match_pairs(Pairs(box, point, np.ones(len(box))), len(boxes), len(points)) >= 0).sum())


def middles(answers: pd.DataFrame) -> pd.DataFrame:
    pages = []
    for page in true_boxes(answers):
        x, y = page["x"] + page["width"] / 2, page["y"] + page["height"] / 2
        pages.append(" ".join(f"{label} {px} {py}" for label, px, py in zip(page["label"], x, y, strict=True)))
    return answers[["image_id"]].assign(labels=pages)


def grader_with(limit: int) -> Grader:
    return Grader(
        id="image_id",
        columns={"labels": ObjectList(POINT, most=limit)},
        truth=true_boxes,
        metric=f1_of_points,
        perfect=middles,
    )


grader = per_edition(v1=grader_with(limit=10_000), v2=grader_with(limit=1_200))
