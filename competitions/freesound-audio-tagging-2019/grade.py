import pandas as pd

from grading import Grader, Real
from grading.metrics.classification import label_ranking_average_precision


def categories(answers: pd.DataFrame) -> dict[str, Real]:
    return {name: Real() for name in answers.columns if name != "fname"}


grader = Grader(id="fname", columns=categories, metric=label_ranking_average_precision)
