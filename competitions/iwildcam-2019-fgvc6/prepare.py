import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from mlebench.data import Edition, Member, open_zip, read_csv, write_csv, write_zip
from mlebench.data.groups import same_members


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    photos = read_csv(raw / "train.csv")
    _, test_locations = edition.split(photos["location"].unique(), test_size=0.1, v1_seed=8)
    in_test = photos["location"].isin(test_locations)
    if not edition.is_v1:
        # too many locations share black frames to be moved together
        in_test &= ~shown_elsewhere(raw / "train_images.zip", photos["id"], in_test)
    train, test = photos[~in_test], photos[in_test]

    write_csv(train, public / "train.csv")
    write_csv(test.drop(columns="category_id"), public / "test.csv")
    answers = test[["id", "category_id"]].set_axis(["Id", "Category"], axis="columns")
    write_csv(answers, private / "answers.csv")
    # the published sample has the row numbers of the raw table in an unnamed column
    write_csv(answers.assign(Category=0), public / "sample_submission.csv", index=edition.is_v1)
    if edition.is_v1:
        write_csv(test, private / "test.csv")

    with open_zip(raw / "train_images.zip") as images:
        write_zip(public / "train_images.zip", members(images, train))
        write_zip(public / "test_images.zip", members(images, test))


def shown_elsewhere(archive: Path, ids: pd.Series, in_test: pd.Series) -> pd.Series:
    """Whether a training photo has the same bytes, for each photo."""
    with open_zip(archive) as images:
        content = pd.Series(same_members(images, ids + ".jpg"), index=ids.index)
    return content.isin(content[~in_test])


def members(images: zipfile.ZipFile, photos: pd.DataFrame) -> Iterator[Member]:
    for name in sorted(photos["id"].unique()):
        yield Member(f"{name}.jpg", (images, f"{name}.jpg"))
