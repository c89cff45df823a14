import numpy as np
import pandas as pd

from grading import Grader, Real, Text, per_edition
from grading.metrics.boxes import greedy_match
from grading.objects import ObjectList

POINT = {"label": Text(), "x": Real(), "y": Real()}
BOXES = ObjectList({**POINT, "width": Real(), "height": Real()})


def true_boxes(answers: pd.DataFrame) -> np.ndarray:
    return BOXES.parse(answers["labels"], answers["image_id"])


def f1_of_points(truth: np.ndarray, prediction: np.ndarray) -> float:
    """F1 score over the characters of all pages; a point hits a box of its label if it lies inside, and a box is hit once.

    Args:
        truth: boxes of each page, shape (pages,); in written order they take the first free point that hits them.
        prediction: points of each page, shape (pages,).

    Returns:
        0 to 1; 0 without a hit.
    """
    hits = sum(count_hits(boxes, points) for boxes, points in zip(truth, prediction, strict=True))
    total = sum(len(page["label"]) for page in [*truth, *prediction])
    return 2 * hits / total if total else 0.0


def count_hits(boxes: dict[str, np.ndarray], points: dict[str, np.ndarray]) -> int:
    codes = pd.factorize(np.concatenate([boxes["label"], points["label"]]))[0]
    inside = codes[: len(boxes["label"]), None] == codes[None, len(boxes["label"]) :]
    for start, extent in (("x", "width"), ("y", "height")):
        low, position = boxes[start][:, None], points[start][None, :]
        inside = inside & (low < position) & (position < low + boxes[extent][:, None])
    return int((greedy_match(inside.astype(float), 0.5) >= 0).sum())


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
