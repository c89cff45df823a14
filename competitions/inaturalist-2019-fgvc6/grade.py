import numpy as np

from grading import Grader, IntegerList
from grading.metrics.classification import accuracy


def top_1_error(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Share of images whose first label is wrong."""
    first = np.array([labels.split(None, 1)[0] for labels in prediction], dtype=object)
    return 1 - accuracy(truth, first)


grader = Grader(id="id", columns={"predicted": IntegerList(allow_empty=False)}, metric=top_1_error)
