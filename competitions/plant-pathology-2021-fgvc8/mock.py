from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import cycle, hex_ids, image_bytes, write_files

LABELS = (
    "healthy", "healthy", "scab", "scab", "frog_eye_leaf_spot", "rust", "complex", "powdery_mildew", "scab frog_eye_leaf_spot",
    "scab frog_eye_leaf_spot complex", "rust frog_eye_leaf_spot", "powdery_mildew complex", "frog_eye_leaf_spot complex",
)  # fmt: skip


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    images = [f"{name}.jpg" for name in hex_ids(rng, size + 3, 16)]
    write_csv(pd.DataFrame({"image": images[:size], "labels": cycle(LABELS, rng, size)}), raw / "train.csv")
    write_csv(pd.DataFrame({"image": images[size:], "labels": "healthy"}), raw / "sample_submission.csv")
    write_files(raw / "train_images", images[:size], partial(image_bytes, rng))
    write_files(raw / "test_images", images[size:], partial(image_bytes, rng))
