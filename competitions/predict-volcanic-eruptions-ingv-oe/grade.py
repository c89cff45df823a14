import numpy as np

from grading import Grader, Real
from grading.metrics.regression import mae


def rounded_mae(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean absolute error to the nearest whole number, ties to the even one."""
    return float(np.round(mae(truth, prediction)))


grader = Grader(id="segment_id", columns={"time_to_eruption": Real()}, metric=rounded_mae)
