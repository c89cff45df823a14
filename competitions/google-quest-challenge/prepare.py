from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, read_csv, write_csv

QUESTION = ["question_title", "question_body"]
FEATURES = [
    "qa_id", *QUESTION, "question_user_name", "question_user_page", "answer", "answer_user_name", "answer_user_page", "url",
    "category", "host",
]  # fmt: skip


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    pairs = read_csv(raw / "train.csv", text=not edition.is_v1)
    targets = [column for column in pairs.columns if column not in FEATURES]
    question = pairs.groupby(QUESTION, dropna=False).ngroup()
    has_spelling = (pairs["question_type_spelling"] != 0).groupby(question).transform("any")
    train, test = edition.split(np.arange(len(pairs)), test_size=0.1, v2_groups=question, v2_stratify=has_spelling)
    if edition.is_v1:
        swap_in_spelling(pairs["question_type_spelling"], train, test)
    train, test = pairs.iloc[train], pairs.iloc[test]

    answers = test[["qa_id", *targets]]
    write_csv(train, public / "train.csv")
    write_csv(test[FEATURES], public / "test.csv")
    write_csv(answers, private / "test.csv")
    ramp = dict.fromkeys(targets, np.linspace(0, 1, len(test)))
    write_csv(answers.assign(**ramp), public / "sample_submission.csv")


def swap_in_spelling(spelling: pd.Series, train: np.ndarray, test: np.ndarray) -> None:
    """If all test rows have the same value, swap the first one with the first non-zero train row."""
    others = np.flatnonzero(spelling.iloc[train] != 0)
    if spelling.iloc[test].nunique() == 1 and len(others):
        train[others[0]], test[0] = test[0], train[others[0]]
