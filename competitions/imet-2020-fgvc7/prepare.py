from pathlib import Path

from mlebench.data import Edition, link, link_files, read_csv, write_csv
from mlebench.data.groups import same_content


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    artworks = read_csv(raw / "train.csv", text=True, dtype=str)
    copies = None if edition.is_v1 else same_content(raw / "train" / f"{name}.png" for name in artworks["id"])
    train, test = edition.split(artworks, test_size=0.15, v2_groups=copies)

    write_csv(train, public / "train.csv")
    write_csv(test, private / "answers.csv")
    write_csv(test.assign(attribute_ids="0 1 2"), public / "sample_submission.csv")
    link(raw / "labels.csv", public / "labels.csv")
    link_files(raw / "train", public / "train", train["id"] + ".png")
    link_files(raw / "train", public / "test", test["id"] + ".png")
