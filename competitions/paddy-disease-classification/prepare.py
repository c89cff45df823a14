from pathlib import Path

from mlebench.data import Edition, link_files, read_csv, write_csv
from mlebench.data.groups import same_content


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    photos = read_csv(raw / "train.csv")
    by_class = photos["label"] + "/" + photos["image_id"]
    copies = None if edition.is_v1 else same_content(raw / "train_images" / file for file in by_class)
    n_train = int(0.75 * len(photos))
    train, test = edition.split(photos, test_size=len(photos) - n_train, v2_groups=copies, v2_stratify=photos["label"])

    link_files(raw / "train_images", public / "train_images", by_class[train.index])
    flat_names = dict(zip(by_class[test.index], test["image_id"], strict=True))
    link_files(raw / "train_images", public / "test_images", flat_names, hide_origin=not edition.is_v1)
    write_csv(train, public / "train.csv")
    write_csv(test, private / "test.csv")
    sample = test[["image_id"]].assign(label="" if edition.is_v1 else "normal")
    write_csv(sample, public / "sample_submission.csv")
