import pandas as pd

from grading import Grader, Real
from grading.metrics.regression import mae


def inspiratory_mae(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Mean absolute error of the pressure where the expiratory valve is closed."""
    inspiration = answers["u_out"] == 0
    return mae(answers["pressure"][inspiration], submission["pressure"][inspiration])


grader = Grader(id="id", columns={"pressure": Real()}, table_metric=inspiratory_mae)
