from pathlib import Path

from mlebench.data import Edition, read_csv, write_csv


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    patches = read_csv(raw / "train.csv")
    train, test = edition.split(patches, test_size=0.1)

    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns="Cover_Type"), public / "test.csv")
    write_csv(test, private / "test.csv")
    write_csv(test[["Id"]].assign(Cover_Type=2), public / "sample_submission.csv")
