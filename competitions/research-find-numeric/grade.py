import numpy as np
import pandas as pd

from grading import Grader, Real

TOLERANCE = 0.1


def is_found(truth: np.ndarray, prediction: np.ndarray) -> bool:
    """Whether a function's values are predicted with a centred normalised squared error below `TOLERANCE`.

    The error is Σ(truth − prediction)² / Σ(truth − mean of truth)². Unlike with Σ truth², a constant cannot pass for a
    function whose mean is far from 0. A constant counts as found if every error is below 0.1·max(1, |value|). After the success
    criterion of Schwettmann et al., "FIND" (2023).

    Args:
        truth: values of one function, finite, shape (n,).
        prediction: predicted values, shape (n,).
    """
    errors = truth - prediction
    spread = float(((truth - truth.mean()) ** 2).sum())
    if spread < 1e-9 * max(1.0, float((truth**2).sum())):
        return bool((np.abs(errors) < TOLERANCE * np.maximum(1, np.abs(truth))).all())
    return bool((errors**2).sum() < TOLERANCE * spread)


def share_found(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    truth, prediction = answers["y"].to_numpy(), submission["y"].to_numpy()
    functions = answers.groupby("function").indices.values()
    return float(np.mean([is_found(truth[rows], prediction[rows]) for rows in functions]))


grader = Grader(id="row_id", columns={"y": Real(-1e9, 1e9)}, table_metric=share_found)
