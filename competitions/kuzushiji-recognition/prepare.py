from collections.abc import Callable
from pathlib import Path

import pandas as pd

from mlebench.data import Edition, Member, link, open_zip, read_csv, write_csv, write_zip
from mlebench.data.groups import same_members, united

from .sample import SAMPLE_LABELS

FIELDS = 5
"""Fields of one character: code point, x, y, width, height."""


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    pages = read_csv(raw / "train.csv")
    book = pages["image_id"].str.extract(r"^([A-Za-z]+|[^_-]+)", expand=False)
    with open_zip(raw / "train_images.zip") as images:
        copies = same_members(images, pages["image_id"] + ".jpg")
    train, test = edition.split(pages, test_size=0.1, v2_groups=united(book, copies))

    write_csv(train, public / "train.csv")
    write_csv(test, private / "test.csv")
    write_csv(test[["image_id"]].assign(labels=SAMPLE_LABELS), public / "sample_submission.csv")
    point = corner if edition.is_v1 else middle
    gold = test.assign(labels=[points(labels, point) for labels in test["labels"].fillna("")])
    write_csv(gold, private / "gold_submission.csv")

    link(raw / "unicode_translation.csv", public / "unicode_translation.csv")
    pack_images(raw, public / "train_images.zip", train)
    pack_images(raw, public / "test_images.zip", test)


def points(labels: str, point: Callable[[int, str], float]) -> str:
    """The boxes of a page as one point each."""
    tokens = labels.split()
    boxes = zip(*(tokens[k::FIELDS] for k in range(FIELDS)), strict=True)
    return " ".join(f"{name} {point(int(x), width)} {point(int(y), height)}" for name, x, y, width, height in boxes)


def corner(start: int, extent: str) -> int:
    return start + 1


def middle(start: int, extent: str) -> float:
    return start + float(extent) / 2


def pack_images(raw: Path, target: Path, pages: pd.DataFrame) -> None:
    with open_zip(raw / "train_images.zip") as images:
        write_zip(target, (Member(f"{page}.jpg", (images, f"{page}.jpg")) for page in pages["image_id"]))
