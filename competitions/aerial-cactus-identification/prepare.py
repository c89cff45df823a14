from pathlib import Path

from mlebench.data import Edition, Member, open_zip, read_csv, write_csv, write_zip
from mlebench.data.groups import same_members


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    labels = read_csv(raw / "train.csv")
    with open_zip(raw / "train.zip") as images:
        copies = None if edition.is_v1 else same_members(images, "train/" + labels["id"])
        train, test = edition.split(labels, test_size=0.19, v2_groups=copies, v2_stratify=labels["has_cactus"])
        for part, rows in (("train", train), ("test", test)):
            folder = "" if edition.is_v1 else f"{part}/"
            members = (Member(f"{folder}{name}", (images, f"train/{name}")) for name in sorted(rows["id"]))
            write_zip(public / f"{part}.zip", members)
    write_csv(train, public / "train.csv")
    write_csv(test, private / "test.csv")
    write_csv(test[["id"]].assign(has_cactus=0.5), public / "sample_submission.csv")
