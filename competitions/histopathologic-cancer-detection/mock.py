from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import hex_ids, image_bytes, labels_in_every_part, write_files


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    ids = hex_ids(rng, size + size // 4, 40)
    write_csv(
        pd.DataFrame({"id": ids[:size], "label": labels_in_every_part(rng, size, 2, test_size=0.2)}), raw / "train_labels.csv"
    )
    write_csv(pd.DataFrame({"id": ids[size:], "label": 0}), raw / "sample_submission.csv")
    patch = partial(image_bytes, rng, "TIFF")
    write_files(raw / "train", [f"{name}.tif" for name in ids[:size]], patch)
    write_files(raw / "test", [f"{name}.tif" for name in ids[size:]], patch)
