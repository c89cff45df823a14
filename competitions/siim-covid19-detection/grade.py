from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from grading import Column, Grader, Real, Text, per_edition, refuse
from grading.metrics.boxes import Boxes, joint_codes, match_images, mean_average_precision
from grading.objects import ObjectList, flatten

from .labels import APPEARANCES

CORNERS = ["x_min", "y_min", "x_max", "y_max"]
STUDY_LABELS = {*APPEARANCES}
IMAGE_LABELS = {"opacity", "none"}
IOU = 0.5


def findings(confidence: Real) -> dict[str, Column]:
    return {"label": Text(), "confidence": confidence, **dict.fromkeys(CORNERS, Real())}


class PublishedFindings(ObjectList):
    """Findings, where only blanks mean none, as in the published grader; an empty cell is rejected."""

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        refuse(self.text_of(cells) == "", cells, ids, "filled")
        return super().parse(cells, ids)

    def refused_cells(self) -> dict[str, str]:
        return {**super().refused_cells(), "missing": ""}


class LevelledFindings(ObjectList):
    """Findings whose labels match the level of their row: appearances on studies, opacities on images."""

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        parsed = super().parse(cells, ids)
        table = flatten(parsed)
        codes, labels = pd.factorize(table["label"].to_numpy())
        of_studies, of_images = (np.isin(labels, [*choices])[codes] for choices in (STUDY_LABELS, IMAGE_LABELS))
        is_study = ids.str.endswith("_study").to_numpy()[table["row"]]
        strange = np.zeros(len(parsed), dtype=bool)
        strange[table["row"][~np.where(is_study, of_studies, of_images)]] = True
        expected = f"labelled {', '.join(sorted(STUDY_LABELS))} (studies) or {', '.join(sorted(IMAGE_LABELS))} (images)"
        refuse(strange, cells, ids, expected)
        return parsed

    def refused_cells(self) -> dict[str, str]:
        return {**super().refused_cells(), "unknown label": "cat 1 0 0 1 1", "negative confidence": "none -1 0 0 1 1"}


def boxes_of(rows: np.ndarray) -> tuple[Boxes, np.ndarray]:
    table = flatten(rows)
    boxes = Boxes(table["row"].to_numpy(), table["label"].to_numpy(dtype=object), table[CORNERS].to_numpy(dtype=float))
    return boxes, table["confidence"].to_numpy(dtype=float)


def published_map(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean over classes of a step-wise average precision in which missed boxes and empty rows have confidence 0."""
    (true, _), (found, confidence) = boxes_of(truth), boxes_of(prediction)
    matched = match_images(true, found, confidence, IOU) >= 0
    of_truth, of_found = joint_codes(true.labels, found.labels)
    precisions = {}
    for code in np.unique(of_truth):
        is_silent = np.ones(len(truth), dtype=bool)
        is_silent[true.images[of_truth == code]] = is_silent[found.images[of_found == code]] = False
        silent, hits = int(is_silent.sum()), matched[of_found == code]
        missed = int((of_truth == code).sum() - hits.sum())
        is_true = np.concatenate([hits, np.ones(missed), np.zeros(silent)])
        scores = np.concatenate([confidence[of_found == code], np.zeros(missed + silent)])
        precisions[true.labels[np.argmax(of_truth == code)]] = average_precision_score(is_true, scores)
    return float(np.mean([precisions[label] for label in sorted(precisions)]))


def voc_map(truth: np.ndarray, prediction: np.ndarray) -> float:
    true, _ = boxes_of(truth)
    return mean_average_precision(true, *boxes_of(prediction), IOU)


def grader_with(kind: ObjectList, metric: Callable[[np.ndarray, np.ndarray], float]) -> Grader:
    return Grader(id="id", columns={"PredictionString": kind}, metric=metric)


grader = per_edition(
    v1=grader_with(PublishedFindings(findings(Real())), published_map),
    v2=grader_with(LevelledFindings(findings(Real(minimum=0)), allow_empty=False), voc_map),
)
