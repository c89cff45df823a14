import pandas as pd

from grading import Grader, Probability, per_edition
from grading.metrics.classification import roc_auc


def tell_repeated_comments_apart(submission: pd.DataFrame, answers: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Number the rows of a comment that the test set holds several times, by date where the submission has it."""
    if "Comment" not in submission:
        return submission, answers
    times = answers["Comment"].value_counts()
    return numbered(submission, times), numbered(answers, times)


def numbered(comments: pd.DataFrame, times: pd.Series) -> pd.DataFrame:
    by_date = comments.sort_values("Date", kind="stable") if "Date" in comments else comments
    number = by_date.groupby("Comment").cumcount().reindex(comments.index)
    # rows beyond those of the test set keep a number that is taken, and are refused as repeated
    number = number.clip(upper=comments["Comment"].map(times).fillna(1) - 1)
    suffix = number.map(lambda k: f"\x1fnumber {k + 1:.0f}" if k > 0 else "")
    return comments.assign(Comment=comments["Comment"].astype(str) + suffix)


grader = per_edition(
    v1=Grader(
        id="Comment",
        columns={"Insult": Probability()},
        metric=roc_auc,
        adapt=tell_repeated_comments_apart,
        perfect=lambda answers: answers[["Insult", "Date", "Comment"]],
    ),
    v2=Grader(id="id", columns={"Insult": Probability()}, metric=roc_auc),
)
