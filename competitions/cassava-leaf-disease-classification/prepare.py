from pathlib import Path

import pandas as pd

from mlebench.data import Edition, link, link_files, read_csv, write_csv
from mlebench.data.groups import same_content
from mlebench.data.tfrecord import decode_example, frame, keep_features, read_tfrecord, write_tfrecord

NAMES = "label_num_to_disease_map.json"


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    labels = read_csv(raw / "train.csv")
    records = sorted((raw / "train_tfrecords").glob("*.tfrec"))
    for folder in ("train_tfrecords", "test_tfrecords"):
        (public / folder).mkdir()
    if edition.is_v1:
        train, test = split_by_record_file(labels, records, public, edition)
    else:
        copies = same_content(raw / "train_images" / name for name in labels["image_id"])
        train, test = edition.split(labels, test_size=1 / 8, groups=copies, stratify=labels["label"])
        rewrite_records(records, set(test["image_id"]), public)

    link_files(raw / "train_images", public / "train_images", train["image_id"])
    link_files(raw / "train_images", public / "test_images", test["image_id"])
    link(raw / NAMES, public / NAMES)
    write_csv(train, public / "train.csv")
    write_csv(test, private / "test.csv")
    write_csv(test[["image_id"]].assign(label=4), public / "sample_submission.csv")


def split_by_record_file(
    labels: pd.DataFrame, records: list[Path], public: Path, edition: Edition
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The test set is a tenth of the record files; records are published unchanged under new numbers."""
    train_records, test_records = edition.split(records, test_size=0.1)
    for part, files in (("train", train_records), ("test", test_records)):
        for number, record in enumerate(files):
            link(record, public / f"{part}_tfrecords" / f"ld_{part}{number:02d}-{record.stem.split('-')[1]}.tfrec")
    held_out = {image_name(record.payload) for file in test_records for record in read_tfrecord(file)}
    in_test = labels["image_id"].isin(held_out)
    return labels[~in_test], labels[in_test]


def rewrite_records(records: list[Path], held_out: set[str], public: Path) -> None:
    """Divide each record file into its training and its test images, the latter without their labels."""
    for number, file in enumerate(records):
        parts = {"train": [], "test": []}
        for record in read_tfrecord(file):
            if image_name(record.payload) in held_out:
                parts["test"].append(frame(keep_features(record.payload, ["image", "image_name"])))
            else:
                parts["train"].append(record)
        for part, frames in parts.items():
            write_tfrecord(public / f"{part}_tfrecords" / f"ld_{part}{number:02d}-{len(frames)}.tfrec", frames)


def image_name(payload: bytes) -> str:
    return decode_example(payload)["image_name"][0].decode()
