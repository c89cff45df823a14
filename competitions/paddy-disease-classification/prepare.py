from pathlib import Path

from mlebench.data import Edition, link_files, read_csv, write_csv


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    photos = read_csv(raw / "train.csv")
    n_train = int(0.75 * len(photos))
    train, test = edition.split(photos, test_size=len(photos) - n_train, v2_stratify=photos["label"])

    by_class = photos["label"] + "/" + photos["image_id"]
    link_files(raw / "train_images", public / "train_images", by_class[train.index])
    flat_names = dict(zip(by_class[test.index], test["image_id"], strict=True))
    link_files(raw / "train_images", public / "test_images", flat_names, hide_origin=not edition.is_v1)
    write_csv(train, public / "train.csv")
    write_csv(test, private / "test.csv")
    sample = test[["image_id"]].assign(label="" if edition.is_v1 else "normal")
    write_csv(sample, public / "sample_submission.csv")
