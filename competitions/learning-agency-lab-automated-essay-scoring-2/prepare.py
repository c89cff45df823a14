from pathlib import Path

import numpy as np

from mlebench.data import Edition, read_csv, write_csv


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    essays = read_csv(raw / "train.csv", text=not edition.is_v1)
    train, test = edition.split(essays, test_size=0.1, v2_stratify=essays["score"])

    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns="score"), public / "test.csv")
    write_csv(test, private / "answers.csv")
    guesses = np.random.RandomState(42).randint(1, 7, size=len(test))
    write_csv(test[["essay_id"]].assign(score=guesses), public / "sample_submission.csv")
