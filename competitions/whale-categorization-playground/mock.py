from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import hex_ids, image_bytes, write_files

from .names import NEW_WHALE, SAMPLE_NAMES


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    names = hex_ids(rng, size + 4, 8)
    # most whales have one or two photos; one in twelve photos shows a whale without a name
    whales = np.array([f"w_{name}" for name in hex_ids(rng, size, 7)])
    ids = whales[np.minimum(rng.integers(0, size, size), rng.integers(0, size, size))]
    ids[: max(4, size // 12)] = NEW_WHALE
    photos = pd.DataFrame({"Image": [f"{name}.jpg" for name in names[:size]], "Id": rng.permutation(ids)})
    write_csv(photos, raw / "train.csv")
    tests = [f"{name}.jpg" for name in names[size:]]
    sample = pd.DataFrame({"Image": tests, "Id": SAMPLE_NAMES})
    write_csv(sample, raw / "sample_submission.csv")
    write_files(raw / "train", photos["Image"], partial(image_bytes, rng))
    write_files(raw / "test", tests, partial(image_bytes, rng, mode="L"))
