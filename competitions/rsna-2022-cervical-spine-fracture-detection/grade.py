import numpy as np
import pandas as pd

from grading import Grader, Probability

PATIENT, VERTEBRA = 7, 1
EPSILON = 1e-15


def weighted_log_loss(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Mean over studies of the weighted log loss of their 8 rows; a fracture weighs twice as much as no fracture."""
    fractured = answers["fractured"].to_numpy(dtype=bool)
    probability = np.clip(submission["fractured"].to_numpy(), EPSILON, 1 - EPSILON)
    loss = -np.log(np.where(fractured, probability, 1 - probability))
    weight = np.where(answers["prediction_type"] == "patient_overall", PATIENT, VERTEBRA) * np.where(fractured, 2, 1)
    study = pd.factorize(answers["StudyInstanceUID"])[0]
    return float(np.mean(np.bincount(study, weight * loss) / np.bincount(study, weight)))


grader = Grader(id="row_id", columns={"fractured": Probability()}, table_metric=weighted_log_loss)
