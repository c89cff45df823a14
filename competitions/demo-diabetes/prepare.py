from pathlib import Path

from sklearn.datasets import load_diabetes

from mlebench.data import Edition, write_csv
from mlebench.data.bundled import bundled_table


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    patients = bundled_table(load_diabetes(as_frame=True, scaled=False), edition).rename(columns={"target": "progression"})
    train, test = edition.split(patients, test_size=0.5)

    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns="progression"), public / "test.csv")
    write_csv(test[["id", "progression"]], private / "answers.csv")
    write_csv(test[["id"]].assign(progression=150.0), public / "sample_submission.csv")
