import numpy as np

from grading import Grader, RunLengths, per_edition
from grading.metrics.segmentation import mean_pixel_f_beta


def f_half(truth: np.ndarray, prediction: np.ndarray) -> float:
    return mean_pixel_f_beta(truth, prediction, beta=0.5)


ink = Grader(
    id="Id",
    public=("height", "width"),
    columns=lambda known: {"Predicted": RunLengths(tuple(known["height"] * known["width"]))},
    metric=f_half,
)
grader = per_edition(v1=ink, v2=ink)
