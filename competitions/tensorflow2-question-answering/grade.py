import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from grading import Column, Grader, per_edition, refuse

from .answer_spans import right_predictions

# Python does not convert more digits
SPAN = re.compile(r"([+-]?\d{1,4000})\s*:\s*([+-]?\d{1,4000})", re.ASCII)


@dataclass(frozen=True)
class Answer(Column):
    """A token span `start:end`, `YES`, `NO`, or blank; with `in_order` a span has 0 ≤ start < end."""

    in_order: bool

    reads_text = True

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        words = [*map(str.strip, self.text_of(cells).tolist())]
        spellings = {word: self._parse(word) for word in dict.fromkeys(words)}
        parsed = np.array([*map(spellings.__getitem__, words)], dtype=object)
        if None in spellings.values():
            refuse(pd.isna(parsed), cells, ids, "`start:end` in whole numbers, YES, NO or blank")
        return parsed

    def refused_cells(self) -> Mapping[str, Any]:
        cells = {
            "text": "abc",
            "infinite": "inf",
            "half a span": "3:",
            "three numbers": "1:2:3",
            "fraction": "1.5:2",
            "overlong": f"1:{'9' * 5000}",
        }
        return {**cells, "negative": "-1:5", "nothing inside": "5:5"} if self.in_order else cells

    def _parse(self, word: str) -> str | None:
        if word in ("", "YES", "NO"):
            return word
        span = SPAN.fullmatch(word)
        if span is None or (self.in_order and not 0 <= int(span[1]) < int(span[2])):
            return None
        return f"{int(span[1])}:{int(span[2])}"


def read_answers(path: Path) -> pd.DataFrame:
    with path.open(encoding="utf-8") as lines:
        return right_answers(json.loads(line) for line in lines)


def right_answers(examples: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """All correct predictions of each row in one string, separated by blanks."""
    rows = [(row, " ".join(right)) for example in examples for row, right in right_predictions(example).items()]
    return pd.DataFrame(rows, columns=["example_id", "right"])


def count(answers: pd.DataFrame, submission: pd.DataFrame) -> tuple[int, int, int]:
    """The number of rows answered correctly, answered wrongly and wrongly left blank."""
    hits = misses = blanks = 0
    for right, predicted in zip(answers["right"], submission["PredictionString"], strict=True):
        if predicted:
            # searching the text is cheaper than splitting it
            hit = predicted in right and predicted in right.split()
            hits, misses = hits + hit, misses + (not hit)
        elif right:
            blanks += 1
    return hits, misses, blanks


def share_of_right_rows(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Accuracy over all rows, including correct blanks, as in the published grader."""
    _, misses, blanks = count(answers, submission)
    return 1 - (misses + blanks) / len(answers)


def micro_f1(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """F1 over all rows, excluding correct blanks; 0 without a hit.

    Definition: https://www.kaggle.com/competitions/tensorflow2-question-answering/overview/evaluation
    """
    hits, misses, blanks = count(answers, submission)
    return 2 * hits / (2 * hits + misses + blanks) if hits else 0.0


def best(answers: pd.DataFrame) -> pd.DataFrame:
    return answers[["example_id"]].assign(PredictionString=answers["right"].str.split().str[0].fillna(""))


def grader_with(kind: Column, score: Any) -> Grader:
    columns = {"PredictionString": kind}
    return Grader(
        id="example_id", columns=columns, table_metric=score, perfect=best, read_answers=read_answers, tabulate=right_answers
    )


grader = per_edition(
    v1=grader_with(Answer(in_order=False), share_of_right_rows),
    v2=grader_with(Answer(in_order=True), micro_f1),
)
