from pathlib import Path

from mlebench.data import Edition, link_files, read_csv, write_csv


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    segments = read_csv(raw / "train.csv")
    train, test = edition.split(segments, test_size=0.1)

    write_csv(train, public / "train.csv")
    write_csv(test, private / "test.csv")
    write_csv(test.assign(time_to_eruption=0), public / "sample_submission.csv")
    link_files(raw / "train", public / "train", (f"{segment}.csv" for segment in train["segment_id"]))
    link_files(raw / "train", public / "test", (f"{segment}.csv" for segment in test["segment_id"]))
