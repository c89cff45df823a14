import numpy as np
import pandas as pd

from grading import Grader, Real
from grading.metrics.curves import is_found


def share_found(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    truth, prediction = answers["y"].to_numpy(), submission["y"].to_numpy()
    functions = answers.groupby("function").indices.values()
    return float(np.mean([is_found(truth[rows], prediction[rows]) for rows in functions]))


grader = Grader(id="row_id", columns={"y": Real(-1e9, 1e9)}, score=share_found)
