from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import cycle, sentences

from .targets import ANSWER_TARGETS, QUESTION_TARGETS, TARGETS


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    # one question in six has a second answer
    question = np.concatenate([np.arange(size - size // 6), rng.choice(size - size // 6, size // 6, replace=False)])
    titles, bodies = sentences(rng, size, 3, 9), sentences(rng, size, 10, 40)
    labels = {name: label(rng, size)[question] for name in QUESTION_TARGETS}
    # mostly 0, but not so rare that small test parts have none
    labels["question_type_spelling"] = np.array(cycle([0.0, 0.0, 0.333333], rng, size))[question]
    rows = rng.permutation(size)
    pairs = pd.DataFrame(
        {
            "qa_id": rng.choice(10 * size, size, replace=False),
            "question_title": [titles[k] for k in question],
            "question_body": [bodies[k] for k in question],
            "question_user_name": [f"user {k}" for k in question],
            "question_user_page": [f"https://example.com/users/{k}" for k in question],
            "answer": sentences(rng, size, 10, 40),
            "answer_user_name": rng.choice(["Anna", "null", "Ben, Jr", "東京"], size),
            "answer_user_page": [f"https://example.com/users/{k}" for k in rng.integers(0, size, size)],
            "url": [f"http://example.com/questions/{k}" for k in question],
            "category": cycle(["LIFE_ARTS", "CULTURE", "SCIENCE", "STACKOVERFLOW", "TECHNOLOGY"], rng, size),
            "host": rng.choice(["rpg.example.com", "stackoverflow.com"], size),
            **labels,
            **{name: label(rng, size) for name in ANSWER_TARGETS},
        }
    ).iloc[rows]
    write_csv(pairs, raw / "train.csv")
    write_csv(pairs.drop(columns=list(TARGETS)).head(3), raw / "test.csv")
    write_csv(pairs[["qa_id"]].head(3).assign(**dict.fromkeys(TARGETS, 0.00308)), raw / "sample_submission.csv")


def label(rng: np.random.Generator, size: int) -> np.ndarray:
    """Means of three ratings; in small data all values differ, so that no test part is constant."""
    if size < 300:
        return (rng.permutation(size) / (size - 1)).round(6)
    return rng.choice([0.0, 0.333333, 0.5, 0.666667, 0.888889, 1.0], size)
