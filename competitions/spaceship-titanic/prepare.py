from pathlib import Path

from mlebench.data import Edition, read_csv, write_csv


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    passengers = read_csv(raw / "train.csv")
    travel_group = passengers["PassengerId"].str.split("_").str[0]
    train, test = edition.split(passengers, test_size=0.1, v2_groups=travel_group)

    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns="Transported"), public / "test.csv")
    write_csv(test, private / "test.csv")
    write_csv(test[["PassengerId"]].assign(Transported=False), public / "sample_submission.csv")
