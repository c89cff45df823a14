import numpy as np
import pandas as pd

from grading import Grader, Real, per_edition
from grading.metrics.classification import roc_auc

IDENTITIES = (
    "male", "female", "homosexual_gay_or_lesbian", "christian", "jewish", "muslim", "black", "white",
    "psychiatric_or_mental_illness",
)  # fmt: skip
POWER = -5


def bias_auc(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """A quarter each of the overall AUC and of power means, over identities, of three AUCs on parts of the rows.

    The parts of an identity are the rows that mention it; its toxic rows with the background's other rows; and the reverse.
    Definition: https://www.kaggle.com/competitions/jigsaw-unintended-bias-in-toxicity-classification/overview/evaluation
    """
    toxic = (answers["toxicity"] >= 0.5).to_numpy()
    prediction = submission["prediction"].to_numpy()

    def auc_of(rows: np.ndarray) -> float:
        return roc_auc(toxic[rows], prediction[rows])

    mentions = [(answers[identity] >= 0.5).to_numpy() for identity in IDENTITIES]
    subgroup = power_mean([auc_of(mention) for mention in mentions])
    background_positive = power_mean([auc_of(mention != toxic) for mention in mentions])
    background_negative = power_mean([auc_of(mention == toxic) for mention in mentions])
    everyone = np.ones(len(toxic), dtype=bool)
    return 0.25 * (auc_of(everyone) + subgroup + background_positive + background_negative)


def power_mean(values: list[float]) -> float:
    """The power mean, dominated by the worst value; 0 if any is 0."""
    if min(values) == 0:
        return 0.0
    return float(np.mean(np.power(values, POWER)) ** (1 / POWER))


def cut_at_one_half(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """`bias_auc` of predictions made 0 and 1, as the published grader computes it."""
    return bias_auc(answers, submission.assign(prediction=(submission["prediction"] >= 0.5).astype(float)))


def answers_are_a_submission(submission: pd.DataFrame, known: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A column `toxicity` replaces `prediction`, as in the published grader."""
    renamed = submission if "prediction" in submission else submission.rename(columns={"toxicity": "prediction"})
    return renamed, known


def perfect(answers: pd.DataFrame) -> pd.DataFrame:
    return answers[["id", "toxicity"]].rename(columns={"toxicity": "prediction"})


prediction = {"prediction": Real()}
grader = per_edition(
    v1=Grader(
        id="id",
        columns=prediction,
        table_metric=cut_at_one_half,
        adapt=answers_are_a_submission,
        perfect=perfect,
        optional=("toxicity",),
    ),
    v2=Grader(
        id="id",
        columns=prediction,
        table_metric=bias_auc,
        adapt=answers_are_a_submission,
        perfect=perfect,
        optional=("toxicity",),
    ),
)
