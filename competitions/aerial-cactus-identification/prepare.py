from pathlib import Path

from mlebench.data import Edition, Member, open_zip, read_csv, write_csv, write_zip


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    labels = read_csv(raw / "train.csv")
    train, test = edition.split(labels, test_size=0.19, v2_stratify=labels["has_cactus"])

    write_csv(train, public / "train.csv")
    write_csv(test, private / "test.csv")
    write_csv(test[["id"]].assign(has_cactus=0.5), public / "sample_submission.csv")

    with open_zip(raw / "train.zip") as images:
        for part, rows in (("train", train), ("test", test)):
            folder = "" if edition.is_v1 else f"{part}/"
            members = (Member(f"{folder}{name}", (images, f"train/{name}")) for name in sorted(rows["id"]))
            write_zip(public / f"{part}.zip", members)
