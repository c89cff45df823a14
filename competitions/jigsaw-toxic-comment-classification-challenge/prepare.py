from pathlib import Path

from mlebench.data import Edition, read_csv, write_csv

from .classes import CLASSES


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    train, test, labels, sample = (
        read_csv(raw / f"{name}.csv.zip", text=not edition.is_v1)
        for name in ("train", "test", "test_labels", "sample_submission")
    )
    if not edition.is_v1:
        # comments that Kaggle never scored are irrelevant to a submission
        labels = labels[(labels[CLASSES] >= 0).all(axis=1)]
        test, sample = (table[table["id"].isin(labels["id"])] for table in (test, sample))

    write_csv(train, public / "train.csv")
    write_csv(test, public / "test.csv")
    write_csv(sample.assign(**dict.fromkeys(CLASSES, 0.5)), public / "sample_submission.csv")
    write_csv(labels, private / "test.csv")
