from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import cycle, image_bytes, write_files

from .diseases import DISEASES


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    numbers = rng.permutation(np.arange(100_001, 100_001 + 2 * size))[:size]
    photos = pd.DataFrame(
        {
            "image_id": [f"{number}.jpg" for number in numbers],
            "label": cycle(DISEASES, rng, size),
            "variety": rng.choice(["ADT45", "KarnatakaPonni", "Ponni", "Surya"], size, p=[0.7, 0.1, 0.1, 0.1]),
            "age": rng.integers(45, 83, size),
        }
    ).sort_values("label")
    write_csv(photos, raw / "train.csv")
    write_files(raw / "train_images", photos["label"] + "/" + photos["image_id"], partial(image_bytes, rng))
    test_images = [f"{200_001 + k}.jpg" for k in range(size // 3)]
    write_files(raw / "test_images", test_images, partial(image_bytes, rng))
    write_csv(pd.DataFrame({"image_id": test_images, "label": None}), raw / "sample_submission.csv")
