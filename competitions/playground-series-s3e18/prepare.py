from pathlib import Path

from mlebench.data import Edition, read_csv, write_csv

LABELS = ["EC1", "EC2", "EC3", "EC4", "EC5", "EC6"]


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    molecules = read_csv(raw / "train.csv")
    train, test = edition.split(molecules, test_size=0.1)

    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns=LABELS), public / "test.csv")
    write_csv(test, private / "test.csv")
    write_csv(test[["id"]].assign(EC1=0.5, EC2=0.5), public / "sample_submission.csv")
