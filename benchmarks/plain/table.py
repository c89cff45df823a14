"""What the plain graders share: tables are read with pandas and sorted by id on both sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Score = Callable[[pd.DataFrame, pd.DataFrame], float]
"""`score(submission, answers)`."""


@dataclass(frozen=True)
class Plain:
    """A plain grader.

    Attributes:
        score: computed from the tables of a submission and of the answers.
        text: columns that are text even if every cell looks like a number.
    """

    score: Score
    text: tuple[str, ...] = ()

    def read(self, path: Path) -> pd.DataFrame:
        """A table as this grader expects it."""
        return pd.read_csv(path, dtype=dict.fromkeys(self.text, str))

    def score_file(self, submission: Path, answers: Path) -> float:
        """From two csv files to the score."""
        return self.score(self.read(submission), self.read(answers))


def matched(submission: pd.DataFrame, answers: pd.DataFrame, key: str | list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Answers and submission, both sorted by id.

    Raises:
        ValueError: their ids differ.
    """
    truth, guess = answers.sort_values(key, ignore_index=True), submission.sort_values(key, ignore_index=True)
    if not np.array_equal(truth[key].to_numpy(), guess[key].to_numpy()):
        raise ValueError("the ids of submission and answers differ")
    return truth, guess


def one_column(key: str, column: str, metric: Callable[[Any, Any], float]) -> Plain:
    """A metric of one column, `metric(truth, prediction)`."""

    def score(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
        truth, guess = matched(submission, answers, key)
        return float(metric(truth[column], guess[column]))

    return Plain(score)


def text_column(key: str, column: str, metric: Callable[[Any, Any], float], *, blank: str = "") -> Plain:
    """A metric of one column of text, in which a missing cell is `blank`."""

    def score(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
        truth, guess = matched(submission, answers, key)
        return float(metric(truth[column].fillna(blank), guess[column].fillna(blank)))

    return Plain(score, text=(column,))


def many_columns(key: str, metric: Callable[[Any, Any], float], columns: list[str] | None = None) -> Plain:
    """A metric of several columns, by default all of the answers but the id."""

    def score(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
        truth, guess = matched(submission, answers, key)
        names = columns or [name for name in answers.columns if name != key]
        return float(metric(truth[names].to_numpy(), guess[names].to_numpy()))

    return Plain(score)
