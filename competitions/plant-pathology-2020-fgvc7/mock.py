from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import image_bytes, labels_in_every_part, write_files

from .classes import CLASSES


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    size = max(size, 10 * len(CLASSES))  # fewer rows have fewer test rows than classes
    number = labels_in_every_part(rng, size, len(CLASSES), test_size=0.1)
    leaves = pd.DataFrame(np.eye(len(CLASSES), dtype=int)[number], columns=CLASSES)
    leaves.insert(0, "image_id", [f"Train_{k}" for k in range(size)])
    test_ids = [f"Test_{k}" for k in range(size)]
    write_csv(leaves, raw / "train.csv")
    write_csv(pd.DataFrame({"image_id": test_ids}), raw / "test.csv")
    write_csv(leaves.assign(image_id=test_ids, **dict.fromkeys(CLASSES, 0.25)), raw / "sample_submission.csv")
    write_files(raw / "images", [f"{name}.jpg" for name in [*leaves["image_id"], *test_ids]], partial(image_bytes, rng))
