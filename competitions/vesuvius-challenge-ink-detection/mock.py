from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from grading.metrics.run_length import encode
from mlebench.data import write_csv
from mlebench.data.mocking import blob_mask

SLICES = 65


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    """Three labelled fragments of about `size` pixels each, and two unlabelled ones."""
    for fragment in ("1", "2", "3"):
        shape = draw_shape(rng, size)
        scan(raw / "train" / fragment, rng, shape)
        label(raw / "train" / fragment, rng, shape)
    for fragment in ("a", "b"):
        scan(raw / "test" / fragment, rng, draw_shape(rng, size))
    write_csv(pd.DataFrame({"Id": ["a", "b"], "Predicted": "1 1 5 1"}), raw / "sample_submission.csv")


def draw_shape(rng: np.random.Generator, size: int) -> tuple[int, int]:
    height = int(rng.integers(3, 8)) + int(size**0.5) // 2
    return height, max(4, size // height)


def scan(folder: Path, rng: np.random.Generator, shape: tuple[int, int]) -> None:
    (folder / "surface_volume").mkdir(parents=True)
    for depth in range(SLICES):
        voxels = rng.integers(0, 2**16, shape, dtype=np.uint16)
        Image.fromarray(voxels).save(folder / "surface_volume" / f"{depth:02d}.tif")
    Image.fromarray(np.ones(shape, dtype=bool)).save(folder / "mask.png")


def label(folder: Path, rng: np.random.Generator, shape: tuple[int, int]) -> None:
    ink = blob_mask(rng, shape) | blob_mask(rng, shape)
    Image.fromarray(ink).save(folder / "inklabels.png")
    Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(folder / "ir.png")
    runs = pd.DataFrame({"Id": [int(folder.name)], "Predicted": [encode(ink, "C")]})
    write_csv(runs, folder / "inklabels_rle.csv")
