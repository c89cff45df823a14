from pathlib import Path

from mlebench.data import Edition, link, link_files, read_csv, write_csv


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    artworks = read_csv(raw / "train.csv", text=True, dtype=str)
    train, test = edition.split(artworks, test_size=0.15)

    write_csv(train, public / "train.csv")
    write_csv(test, private / "answers.csv")
    write_csv(test.assign(attribute_ids="0 1 2"), public / "sample_submission.csv")
    link(raw / "labels.csv", public / "labels.csv")
    link_files(raw / "train", public / "train", train["id"] + ".png")
    link_files(raw / "train", public / "test", test["id"] + ".png")
