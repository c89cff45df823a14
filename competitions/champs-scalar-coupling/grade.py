import numpy as np
import pandas as pd

from grading import Grader, Real
from grading.metrics.regression import mean_log_mae_of_groups


def constants_and_types(answers: pd.DataFrame) -> np.ndarray:
    """The constants and the indices of their coupling types, shape (rows, 2)."""
    types, _ = pd.factorize(answers["type"], sort=True)
    return np.column_stack([answers["scalar_coupling_constant"], types])


def log_mae_over_types(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean over coupling types of the log of the mean absolute error, which counts as at least 1e-9."""
    constants, types = truth.T
    return mean_log_mae_of_groups(constants, prediction, types, floor=1e-9)


grader = Grader(id="id", columns={"scalar_coupling_constant": Real()}, truth=constants_and_types, metric=log_mae_over_types)
