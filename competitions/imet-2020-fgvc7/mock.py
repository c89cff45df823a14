from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import hex_ids, image_bytes, write_files

ATTRIBUTES = 3474
GROUPS = ("country::papal states", "culture::née, “Attic”", "dimension::jewelry", "medium::acrylic", "tags::animals")


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    # few attributes are common, and each artwork has one to ten
    weights = 1 / np.arange(1, ATTRIBUTES + 1)
    weights /= weights.sum()
    counts = rng.integers(1, 11, size)
    attributes = [np.sort(rng.choice(ATTRIBUTES, count, replace=False, p=weights)) for count in counts]
    artworks = pd.DataFrame(
        {"id": hex_ids(rng, size, 32), "attribute_ids": [" ".join(map(str, numbers)) for numbers in attributes]}
    )
    tests = hex_ids(rng, 5, 32)
    names = [f"{GROUPS[number % len(GROUPS)]} {number}" for number in range(ATTRIBUTES)]
    write_csv(artworks, raw / "train.csv")
    write_csv(pd.DataFrame({"attribute_id": range(ATTRIBUTES), "attribute_name": names}), raw / "labels.csv")
    write_csv(pd.DataFrame({"id": tests, "attribute_ids": "0 1 2"}), raw / "sample_submission.csv")
    write_files(raw / "train", artworks["id"] + ".png", lambda: image_bytes(rng, "PNG"))
    write_files(raw / "test", [f"{name}.png" for name in tests], lambda: image_bytes(rng, "PNG"))
