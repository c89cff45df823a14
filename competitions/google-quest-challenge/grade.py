import numpy as np
import pandas as pd

from grading import Grader, InvalidSubmission, Probability, Real, per_edition
from grading.metrics.combine import mean_columnwise
from grading.metrics.correlation import spearman

from .targets import TARGETS


def no_constant_column(prediction: np.ndarray, ids: pd.Series) -> np.ndarray:
    """Reject constant columns: their rank correlation is undefined."""
    constant = [name for name, column in zip(TARGETS, prediction.T, strict=True) if np.ptp(column) == 0]
    if constant:
        raise InvalidSubmission(f"column `{constant[0]}` is constant and therefore has no rank correlation")
    return prediction


grader = per_edition(
    v1=Grader(id="qa_id", columns=dict.fromkeys(TARGETS, Real()), rows=no_constant_column, metric=mean_columnwise(spearman)),
    v2=Grader(id="qa_id", columns=dict.fromkeys(TARGETS, Probability()), metric=mean_columnwise(spearman)),
)
