from typing import Any

import numpy as np
import pandas as pd

from grading import Grader, Probability, per_edition
from grading.metrics.classification import kl_divergence
from grading.repeats import tell_repeats_apart
from grading.rows import sum_to_one

from .votes import VOTES

FIVE_DECIMALS = 5e-6


def shares(answers: pd.DataFrame) -> np.ndarray:
    votes = answers[VOTES].to_numpy(dtype=float)
    return votes / votes.sum(axis=1, keepdims=True)


def shares_of_rows(answers: pd.DataFrame) -> pd.DataFrame:
    return answers[["label_id"]].assign(**dict(zip(VOTES, shares(answers).T, strict=True)))


def shares_of_recordings(answers: pd.DataFrame) -> pd.DataFrame:
    """The best possible prediction in v1, whose rows do not say which piece of a recording they mean."""
    rows = answers[["eeg_id"]].assign(**dict(zip(VOTES, shares(answers).T, strict=True)))
    return rows[["eeg_id"]].join(rows.groupby("eeg_id")[VOTES].transform("mean"))


def grader_by(id: str, **options: Any) -> Grader:
    return Grader(
        id=id,
        columns=dict.fromkeys(VOTES, Probability()),
        metric=kl_divergence,
        rows=sum_to_one(FIVE_DECIMALS),
        truth=shares,
        **options,
    )


grader = per_edition(
    v1=grader_by("eeg_id", adapt=tell_repeats_apart("eeg_id"), perfect=shares_of_recordings),
    v2=grader_by("label_id", perfect=shares_of_rows),
)
