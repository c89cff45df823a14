import numpy as np
import pandas as pd

from grading import Grader

from .beliefs import LOADING_COLUMNS, WIDTH_COLUMNS, belief_columns, belief_table
from .index_play import Belief, index_regret


def relative_index_regret(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Regret of index play summed over bandits, divided by that of uniform play in the same contexts.

    Args:
        answers: `row_id`, `problem`, `noise`, `reward` (the expected one) and `stream`, a seed in hexadecimal digits.
        submission: `row_id` and a belief, in the order of the answers.

    Returns:
        0 for the true rewards, 1 for a certain constant belief; can exceed 1.
    """
    truth, noise, streams = (answers[name].to_numpy() for name in ("reward", "noise", "stream"))
    mean, own = submission["mean"].to_numpy(), submission["own"].to_numpy()
    loadings, widths = submission[LOADING_COLUMNS].to_numpy(), submission[WIDTH_COLUMNS].to_numpy()
    regret = uniform = 0.0
    # ids sort by context, then arm
    by_id = answers["row_id"].to_numpy(dtype=str).argsort()
    for places in answers.iloc[by_id].groupby("problem").indices.values():
        rows = by_id[places]
        belief = Belief(mean[rows], own[rows], loadings[rows], widths[rows])
        rng = np.random.default_rng(int(streams[rows[0]], 16))
        played, at_random = index_regret(truth[rows], belief, float(noise[rows[0]]), rng)
        regret += played
        uniform += at_random
    return regret / uniform


def certain_truth(answers: pd.DataFrame) -> pd.DataFrame:
    """The best submission: the true rewards, known with certainty."""
    nothing = np.zeros(len(answers))
    return belief_table(answers["row_id"], answers["reward"].to_numpy(), nothing, nothing[:, None])


grader = Grader(id="row_id", columns=belief_columns(), table_metric=relative_index_regret, perfect=certain_truth)
