import numpy as np

from grading import Grader, Text, per_edition
from grading.metrics.edit_distance import mean_levenshtein


def mean_levenshtein_blank_as_nan(truth: np.ndarray, prediction: np.ndarray) -> float:
    """The published score, which reads a blank cell as the string `nan`."""
    return mean_levenshtein(truth, np.where(prediction == "", "nan", prediction))


grader = per_edition(
    v1=Grader(id="image_id", columns={"InChI": Text()}, metric=mean_levenshtein_blank_as_nan),
    v2=Grader(id="image_id", columns={"InChI": Text()}, metric=mean_levenshtein),
)
