from pathlib import Path

from sklearn.datasets import load_digits

from mlebench.data import Edition, write_csv
from mlebench.data.bundled import bundled_table


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    digits = bundled_table(load_digits(as_frame=True), edition).astype(int).rename(columns={"target": "digit"})
    train, test = edition.split(digits, test_size=0.5, v2_stratify=digits["digit"])

    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns="digit"), public / "test.csv")
    write_csv(test[["id", "digit"]], private / "answers.csv")
    write_csv(test[["id"]].assign(digit=0), public / "sample_submission.csv")
