import numpy as np

from grading import Grader, Real
from grading.metrics.classification import roc_auc
from grading.metrics.combine import mean_columnwise

from .classes import CLASSES


def roc_auc_of_scored_rows(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean column-wise area under the curve over the rows that Kaggle scored; all others have -1 in every class."""
    scored = (truth >= 0).all(axis=1)
    return mean_columnwise(roc_auc)(truth[scored], prediction[scored])


grader = Grader(id="id", columns=dict.fromkeys(CLASSES, Real()), metric=roc_auc_of_scored_rows)
