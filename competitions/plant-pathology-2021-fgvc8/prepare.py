from pathlib import Path

from mlebench.data import Edition, link_files, read_csv, write_csv
from mlebench.data.groups import same_content


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    leaves = read_csv(raw / "train.csv")
    copies = None if edition.is_v1 else same_content(raw / "train_images" / name for name in leaves["image"])
    train, test = edition.split(leaves, test_size=0.2, v2_groups=copies)

    link_files(raw / "train_images", public / "train_images", train["image"])
    link_files(raw / "train_images", public / "test_images", test["image"])
    write_csv(train, public / "train.csv")
    write_csv(test, private / "answers.csv")
    write_csv(test.assign(labels="healthy"), public / "sample_submission.csv")
