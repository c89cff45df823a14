from pathlib import Path

import pandas as pd

from mlebench.data import Edition, one_hot, read_csv, write_csv

from .authors import AUTHORS

OVERALL_SHARES = {"EAP": 0.403493538995863, "HPL": 0.287808366106543, "MWS": 0.308698094897594}


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    sentences = read_csv(raw / "train.zip", text=not edition.is_v1)
    train, test = edition.split(sentences, test_size=0.1)

    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns="author"), public / "test.csv")
    write_csv(pd.concat([test[["id"]], one_hot(test["author"], AUTHORS)], axis=1), private / "test.csv")
    write_csv(test[["id"]].assign(**OVERALL_SHARES), public / "sample_submission.csv")
