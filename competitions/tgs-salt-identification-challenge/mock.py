from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from grading.metrics.run_length import encode
from mlebench.data import write_csv
from mlebench.data.mocking import hex_ids, image_bytes, write_files, zip_folder

from .pictures import SIDE


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    names = hex_ids(rng, size + size // 4, 10)
    train, test = names[:size], names[size:]
    masks = [salt_mask(rng, kind=position % 4) for position in range(size)]
    table = pd.DataFrame({"id": train, "rle_mask": [encode(mask) for mask in masks]})

    folder = raw / "packing"
    write_csv(table, folder / "train.csv")
    write_files(folder / "train" / "images", (f"{name}.png" for name in train), lambda: seismic_image(rng))
    (folder / "train" / "masks").mkdir()
    for name, mask in zip(train, masks, strict=True):
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "train" / "masks" / f"{name}.png")
    write_files(folder / "test" / "images", (f"{name}.png" for name in test), lambda: seismic_image(rng))
    zip_folder(folder, raw / "competition_data.zip", inside="competition_data/")

    write_csv(pd.DataFrame({"id": names, "z": rng.integers(50, 960, len(names))}), raw / "depths.csv")
    write_csv(table, raw / "train.csv")
    write_csv(pd.DataFrame({"id": test, "rle_mask": "1 1"}), raw / "sample_submission.csv")


def salt_mask(rng: np.random.Generator, kind: int) -> np.ndarray:
    """No salt, all salt, or a rectangle of it."""
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    if kind == 1:
        mask[:] = True
    elif kind > 1:
        top, left = rng.integers(0, 80, 2)
        mask[top : top + rng.integers(1, 30), left : left + rng.integers(1, 30)] = True
    return mask


def seismic_image(rng: np.random.Generator) -> bytes:
    return image_bytes(rng, "PNG", (SIDE, SIDE), "L")
