from pathlib import Path

from mlebench.data import Edition, read_csv, test_count, write_csv


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    observations = read_csv(raw / "train.csv")
    train, test = edition.split(observations, test_size=test_count(len(observations), 100_000))
    train = train.assign(id=range(len(train)))
    test = test.assign(id=range(len(train), len(observations)))
    gold = test[["id", "target"]]

    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns="target"), public / "test.csv")
    write_csv(gold.assign(target=0.5), public / "sample_submission.csv")
    write_csv(test, private / "test.csv")
    write_csv(gold, private / "gold_submission.csv")
