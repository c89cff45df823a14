from pathlib import Path

import numpy as np
import pandas as pd

from grading import Grader, Text, per_edition
from grading.metrics.tokens import mean_average_precision


def published_map_at_12_of_buyers(bought: np.ndarray, recommended: np.ndarray) -> float:
    """Mean average precision over the customers who bought something; single blanks separate articles."""
    buyers = bought != ""
    return mean_average_precision(12, separator=" ")(bought[buyers], recommended[buyers])


def map_at_12_of_buyers(bought: np.ndarray, recommended: np.ndarray) -> float:
    """Mean average precision over the customers who bought something; leading zeros of article ids do not matter."""
    buyers = bought != ""
    return mean_average_precision(12)(without_zeros(bought[buyers]), without_zeros(recommended[buyers]))


def without_zeros(lists: np.ndarray) -> np.ndarray:
    return np.array([" ".join(article.lstrip("0") or "0" for article in cell.split()) for cell in lists], dtype=object)


def twelve_different_articles(answers: pd.DataFrame) -> pd.DataFrame:
    best = answers["prediction"].map(lambda articles: " ".join(list(dict.fromkeys(str(articles).split()))[:12]))
    return answers[["customer_id"]].assign(prediction=best)


def read_answers(path: Path) -> pd.DataFrame:
    """The published answers, which list only buyers, plus a blank for every other customer of the sample submission.

    So the grader can require all customers, and its rejections do not reveal who is a buyer.
    """
    bought = pd.read_csv(path, dtype=str, keep_default_na=False)
    sample = path.parents[1] / "public" / "sample_submission.csv"
    if not sample.is_file():
        return bought
    everybody = pd.read_csv(sample, usecols=["customer_id"], dtype=str, keep_default_na=False)
    return bought.merge(everybody.drop_duplicates(), how="outer", sort=True).fillna({"prediction": ""})


def buyers(answers: pd.DataFrame) -> pd.Series:
    return answers["prediction"] != ""


grader = per_edition(
    v1=Grader(
        id="customer_id",
        columns={"prediction": Text()},
        metric=published_map_at_12_of_buyers,
        perfect=twelve_different_articles,
        read_answers=read_answers,
        graded=buyers,
    ),
    v2=Grader(id="customer_id", columns={"prediction": Text()}, metric=map_at_12_of_buyers, perfect=twelve_different_articles),
)
