import numpy as np
import pandas as pd

from grading import Grader, Text, per_edition
from grading.metrics.tokens import mean_average_precision


def map_at_12_of_buyers(bought: np.ndarray, recommended: np.ndarray) -> float:
    """Mean average precision over the customers who bought something; leading zeros of article ids do not matter."""
    buyers = bought != ""
    return mean_average_precision(12)(without_zeros(bought[buyers]), without_zeros(recommended[buyers]))


def without_zeros(lists: np.ndarray) -> np.ndarray:
    return np.array([" ".join(article.lstrip("0") or "0" for article in cell.split()) for cell in lists], dtype=object)


def twelve_different_articles(answers: pd.DataFrame) -> pd.DataFrame:
    best = answers["prediction"].map(lambda articles: " ".join(list(dict.fromkeys(str(articles).split()))[:12]))
    return answers[["customer_id"]].assign(prediction=best)


grader = per_edition(
    # the published answers hold buyers only, while submissions hold all customers
    v1=Grader(
        id="customer_id",
        columns={"prediction": Text()},
        metric=mean_average_precision(12, separator=" "),
        perfect=twelve_different_articles,
        ungraded_ids=True,
    ),
    v2=Grader(id="customer_id", columns={"prediction": Text()}, metric=map_at_12_of_buyers, perfect=twelve_different_articles),
)
