from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from PIL import Image

from mlebench.data import Edition, extract, link_files, open_zip, scratch, unpack_files, write_csv
from mlebench.data.groups import same_members, united


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    pages = names_of_pages(raw / "train.zip")
    with scratch(public) as clean:
        unpack_files(raw / "train_cleaned.zip", clean, {f"train_cleaned/{page}": page for page in pages})
        with open_zip(raw / "train.zip") as dirty:
            copies = same_members(dirty, [f"train/{page}" for page in pages])
        same_page = None if edition.is_v1 else united([grey_levels(clean / page).tobytes() for page in pages], copies)
        train, test = edition.split(pages, test_size=0.2, v2_groups=same_page)
        answers = pd.concat([pixels(clean / page) for page in sorted(test)], ignore_index=True)
        if edition.is_v1:
            publish_archives(raw, public, test)
        else:
            link_files(clean, public / "train_cleaned", train)
            unpack_files(raw / "train.zip", public / "train", {f"train/{page}": page for page in train})
            unpack_files(raw / "train.zip", public / "test", {f"train/{page}": page for page in test})

    write_csv(answers, private / "answers.csv")
    write_csv(answers.assign(value=1), public / "sampleSubmission.csv")


def publish_archives(raw: Path, public: Path, test: list[str]) -> None:
    """Unpack everything in the archives, pages or not; test pages get a separate folder without their clean versions."""
    for archive in ("train.zip", "train_cleaned.zip"):
        extract(raw / archive, public)
    (public / "test").mkdir()
    for page in test:
        (public / "train" / page).rename(public / "test" / page)
        (public / "train_cleaned" / page).unlink()


def names_of_pages(archive: Path) -> list[str]:
    with open_zip(archive) as opened:
        names = [PurePosixPath(name) for name in opened.namelist()]
    return sorted(name.name for name in names if name.parent == PurePosixPath("train") and name.suffix == ".png")


def grey_levels(page: Path) -> np.ndarray:
    with Image.open(page) as image:
        return np.asarray(image.convert("L"))


def pixels(page: Path) -> pd.DataFrame:
    """One row for each pixel: page, row and column as its id, and the intensity from 0 (black) to 1 (white)."""
    grey = grey_levels(page)
    rows = np.array([f"{page.stem}_{row}_" for row in range(1, grey.shape[0] + 1)], dtype=object)
    columns = np.array([str(column) for column in range(1, grey.shape[1] + 1)], dtype=object)
    return pd.DataFrame({"id": np.add.outer(rows, columns).ravel(), "value": grey.ravel() / 255.0})
