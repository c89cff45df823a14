import numpy as np
import pandas as pd

from grading import Grader, RunLengths, per_edition
from grading.metrics.segmentation import mean_dice


def masks(answers: pd.DataFrame) -> RunLengths:
    return RunLengths(tuple(answers["height_pixels"] * answers["width_pixels"]))


def true_masks(answers: pd.DataFrame) -> np.ndarray:
    return masks(answers).parse(answers["encoding"], answers["id"])


glomeruli = Grader(
    id="id",
    columns=lambda answers: {"predicted": masks(answers)},
    truth=true_masks,
    metric=mean_dice,
    perfect=lambda answers: answers[["id"]].assign(predicted=answers["encoding"]),
)
grader = per_edition(v1=glomeruli, v2=glomeruli)
