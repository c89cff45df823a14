from pathlib import Path

from mlebench.data import Edition, read_csv, write_csv


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    pairs = read_csv(raw / "train.csv", text=not edition.is_v1)
    train, test = edition.split(pairs, test_size=0.1, v2_groups=pairs["anchor"])

    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns="score"), public / "test.csv")
    write_csv(test, private / "test.csv")
    write_csv(test[["id"]].assign(score=0), public / "sample_submission.csv")
