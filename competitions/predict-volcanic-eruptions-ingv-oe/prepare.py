from pathlib import Path

from mlebench.data import Edition, link_files, read_csv, write_csv
from mlebench.data.groups import same_content


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    segments = read_csv(raw / "train.csv")
    copies = None if edition.is_v1 else same_content(raw / "train" / f"{segment}.csv" for segment in segments["segment_id"])
    train, test = edition.split(segments, test_size=0.1, v2_groups=copies)

    write_csv(train, public / "train.csv")
    write_csv(test, private / "test.csv")
    write_csv(test.assign(time_to_eruption=0), public / "sample_submission.csv")
    link_files(raw / "train", public / "train", (f"{segment}.csv" for segment in train["segment_id"]))
    link_files(raw / "train", public / "test", (f"{segment}.csv" for segment in test["segment_id"]))
