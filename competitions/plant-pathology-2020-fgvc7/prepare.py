from pathlib import Path

from mlebench.data import Edition, link_files, read_csv, write_csv
from mlebench.data.groups import same_content

from .classes import CLASSES


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    leaves = read_csv(raw / "train.csv")
    copies = None if edition.is_v1 else same_content(raw / "images" / f"{name}.jpg" for name in leaves["image_id"])
    train, test = edition.split(leaves, test_size=0.1, v2_groups=copies, v2_stratify=leaves[CLASSES].idxmax(axis=1))

    train_ids = [f"Train_{number}" for number in range(len(train))]
    test_ids = [f"Test_{number}" for number in range(len(test))]
    new_names = dict(zip(train["image_id"] + ".jpg", [f"{name}.jpg" for name in train_ids], strict=True))
    new_names |= dict(zip(test["image_id"] + ".jpg", [f"{name}.jpg" for name in test_ids], strict=True))
    link_files(raw / "images", public / "images", new_names, hide_origin=not edition.is_v1)
    train, test = train.assign(image_id=train_ids), test.assign(image_id=test_ids)

    write_csv(train, public / "train.csv")
    write_csv(test[["image_id"]], public / "test.csv")
    write_csv(test, private / "test.csv")
    write_csv(test.assign(**dict.fromkeys(CLASSES, 0.25)), public / "sample_submission.csv")
