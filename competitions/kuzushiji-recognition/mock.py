from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import image_bytes, write_files, zip_folder

from .sample import SAMPLE_LABELS

CHARACTERS = {"U+306F": "は", "U+304C": "が", "U+309D": "ゝ", "U+003F": "?", "U+FF2F": "O", "U+2000B": "𠀋", "U+4E00": "一"}


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    pages = (page_ids(rng, size) + page_ids(rng, size // 4, first_book=500))[: size + size // 4]
    train, test = pages[:size], pages[size:]
    write_csv(pd.DataFrame({"image_id": train, "labels": [characters(rng) for _ in train]}), raw / "train.csv")
    write_csv(pd.DataFrame({"image_id": test, "labels": SAMPLE_LABELS}), raw / "sample_submission.csv")
    translation = pd.DataFrame({"Unicode": CHARACTERS.keys(), "char": CHARACTERS.values()})
    write_csv(translation, raw / "unicode_translation.csv")
    for part, names in (("train", train), ("test", test)):
        write_files(raw / "packing", (f"{name}.jpg" for name in names), lambda: image_bytes(rng))
        zip_folder(raw / "packing", raw / f"{part}_images.zip")


def page_ids(rng: np.random.Generator, size: int, first_book: int = 0) -> list[str]:
    """Pages of books of up to 20 pages, in the three patterns of the real ids."""
    ids: list[str] = []
    book = first_book
    while len(ids) < size:
        name = f"{'abc'[book % 3]}mgy{chr(97 + book // 26 % 26)}{chr(97 + book % 26)}"
        for page in range(1, int(rng.integers(3, 21))):
            patterns = (
                f"1002{book:05d}_{page:05d}_{page % 2 + 1}",
                f"{name}001-{page:03d}",
                f"2000{book:05d}-{page:05d}_{page % 2 + 1}",
            )
            ids.append(patterns[book % 3])
        book += 1
    return ids[:size]


def characters(rng: np.random.Generator) -> str:
    count = int(rng.integers(1, 12))
    boxes = np.column_stack([rng.integers(0, 2500, count), rng.integers(0, 3500, count), rng.integers(2, 200, (count, 2))])
    # some boxes of a character overlap another one of the same character
    boxes[count // 2 : count // 2 + 1] = boxes[0] + [3, 2, 0, 0]
    names = rng.choice(list(CHARACTERS), count)
    names[count // 2] = names[0]
    return " ".join(f"{name} {x} {y} {width} {height}" for name, (x, y, width, height) in zip(names, boxes.tolist(), strict=True))
