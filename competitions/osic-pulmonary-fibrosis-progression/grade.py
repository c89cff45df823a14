import pandas as pd

from grading import Grader, Real, per_edition
from grading.metrics.regression import laplace_log_likelihood

GRADED_VISITS = 3
NOTHING = 1e9
"""A forced vital capacity in ml that is wrong for every patient."""


def likelihood_of_last_visits(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Modified Laplace log likelihood of each patient's last three visits."""
    return likelihood(answers, submission, last_visits(answers.dropna(subset="FVC")))


def likelihood_of_later_visits(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """The same without the first visit, which is public."""
    visits = answers.dropna(subset="FVC").sort_values("Weeks")
    return likelihood(answers, submission, last_visits(visits[visits["Patient"].duplicated()]))


def last_visits(visits: pd.DataFrame) -> pd.Index:
    return visits.sort_values("Weeks").groupby("Patient").tail(GRADED_VISITS).index


def likelihood(answers: pd.DataFrame, submission: pd.DataFrame, rows: pd.Index) -> float:
    # an empty cell counts as the maximum error: rejecting it would reveal which weeks are graded
    predicted = submission.loc[rows].fillna({"FVC": NOTHING, "Confidence": 0})
    return laplace_log_likelihood(answers["FVC"][rows], predicted["FVC"], predicted["Confidence"], floor=70, error_cap=1000)


def sure_of_everything(answers: pd.DataFrame) -> pd.DataFrame:
    return answers[["Patient_Week"]].assign(FVC=answers["FVC"].fillna(2000), Confidence=70)


def columns(kind: Real) -> dict[str, Real]:
    return {"FVC": kind, "Confidence": kind}


grader = per_edition(
    # the published answers double as the best submission and leave FVC empty in weeks without a visit
    v1=Grader(
        id="Patient_Week",
        columns=columns(Real(may_be_empty=True)),
        table_metric=likelihood_of_last_visits,
        perfect=sure_of_everything,
    ),
    v2=Grader(id="Patient_Week", columns=columns(Real()), table_metric=likelihood_of_later_visits, perfect=sure_of_everything),
)
