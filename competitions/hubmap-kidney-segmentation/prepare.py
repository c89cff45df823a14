from collections.abc import Iterable
from pathlib import Path

from mlebench.data import Edition, link_files, look_up, read_csv, test_count, write_csv
from mlebench.data.groups import same_content, united

TISSUE = ("{}.tiff", "{}-anatomical-structure.json")
GLOMERULI = ("{}.json",)


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    masks = read_csv(raw / "train.csv", dtype={"id": str})
    images = read_csv(raw / "HuBMAP-20-dataset_information.csv")
    images["id"] = images["image_file"].str.replace(".tiff", "", regex=False)
    described = look_up(images, "id", masks["id"])
    copies = None if edition.is_v1 else same_content(raw / "train" / f"{name}.tiff" for name in masks["id"])
    patients = None if copies is None else united(described["patient_number"], copies)
    train, test = edition.split(masks, test_size=test_count(len(masks), 3), v2_groups=patients)

    write_csv(images[images["id"].isin(masks["id"])].drop(columns="id"), public / "HuBMAP-20-dataset_information.csv")
    write_csv(train, public / "train.csv")
    write_csv(test.merge(images[["id", "width_pixels", "height_pixels"]], on="id"), private / "test.csv")
    write_csv(test[["id"]].assign(predicted=""), public / "sample_submission.csv")
    write_csv(test[["id"]].assign(predicted=test["encoding"]), private / "gold_submission.csv")

    link_files(raw / "train", public / "train", named(train["id"], TISSUE + GLOMERULI))
    link_files(raw / "train", public / "test", named(test["id"], TISSUE + GLOMERULI if edition.is_v1 else TISSUE))
    write_csv(test[["id"]].assign(predicted=""), public / "test" / "sample_submission.csv")


def named(ids: Iterable[str], patterns: tuple[str, ...]) -> list[str]:
    return [pattern.format(image) for image in ids for pattern in patterns]
