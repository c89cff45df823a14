import pandas as pd

from grading import Grader, Real
from grading.metrics.combine import mean_columnwise
from grading.metrics.regression import rmse

from .targets import SCORED, UNSCORED


def mcrmse_of_measured_bases(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Mean over the three scored targets of the root mean squared error over the measured bases."""
    measured = answers["keep"]
    truth, prediction = (table.loc[measured, SCORED].to_numpy() for table in (answers, submission))
    return mean_columnwise(rmse)(truth, prediction)


grader = Grader(id="id_seqpos", columns=dict.fromkeys([*SCORED, *UNSCORED], Real()), table_metric=mcrmse_of_measured_bases)
