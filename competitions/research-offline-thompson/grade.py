import numpy as np
import pandas as pd

from grading import Grader
from grading.function_samples import probability_columns, sample_columns, true_functions

from .regret import thompson_regret, uniform_regret


def relative_thompson_regret(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Regret of Thompson sampling summed over bandits, divided by the regret of random play.

    Args:
        answers: `row_id`, `problem`, `probability` (of a reward) and `stream`, a seed in hexadecimal digits that
            is the same on all rows of a problem.
        submission: `row_id` and the sampled functions, in the order of the answers.

    Returns:
        0 for the true functions, 1 for constants; can exceed 1.
    """
    samples = submission[sample_columns()].to_numpy()
    truth, streams = answers["probability"].to_numpy(), answers["stream"].to_numpy()
    regret = uniform = 0.0
    for rows in answers.groupby("problem").indices.values():
        rng = np.random.default_rng(int(streams[rows[0]], 16))
        regret += thompson_regret(truth[rows], samples[rows], rng)
        uniform += uniform_regret(truth[rows])
    return regret / uniform


grader = Grader(id="row_id", columns=probability_columns(), table_metric=relative_thompson_regret, perfect=true_functions)
