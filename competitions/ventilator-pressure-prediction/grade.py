import numpy as np
import pandas as pd

from grading import Grader, Real
from grading.metrics.regression import mae


def inspiratory_pressure(answers: pd.DataFrame) -> np.ndarray:
    """The pressure where the expiratory valve is closed, NaN elsewhere."""
    return np.where(answers["u_out"].to_numpy() == 0, answers["pressure"].to_numpy(), np.nan)


def inspiratory_mae(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean absolute error of the pressure where the expiratory valve is closed."""
    inspiration = ~np.isnan(truth)
    return mae(truth[inspiration], prediction[inspiration])


grader = Grader(id="id", columns={"pressure": Real()}, truth=inspiratory_pressure, metric=inspiratory_mae)
