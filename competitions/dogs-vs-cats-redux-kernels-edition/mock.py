from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import image_bytes, write_files, zip_folder


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    photo = partial(image_bytes, rng)
    n_test = size // 2
    write_csv(pd.DataFrame({"id": range(1, n_test + 1), "label": 0.5}), raw / "sample_submission.csv")
    write_files(raw / "packing", [f"{'cat' if k % 2 else 'dog'}.{k // 2}.jpg" for k in range(size)], photo)
    zip_folder(raw / "packing", raw / "train.zip", inside="train/")
    write_files(raw / "packing", [f"{k}.jpg" for k in range(1, n_test + 1)], photo)
    zip_folder(raw / "packing", raw / "test.zip", inside="test/")
