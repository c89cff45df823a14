import pandas as pd

from grading import Grader, Real
from grading.metrics.regression import mean_log_mae_of_groups


def log_mae_over_types(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Mean over coupling types of the log of the mean absolute error, which counts as at least 1e-9."""
    target = "scalar_coupling_constant"
    return mean_log_mae_of_groups(answers[target], submission[target], answers["type"], floor=1e-9)


grader = Grader(id="id", columns={"scalar_coupling_constant": Real()}, table_metric=log_mae_over_types)
