import io
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import cycle_in_test, hex_ids, write_files


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    targets = cycle_in_test([0, 1], rng, size, "seti-breakthrough-listen", 0.1)
    labels = pd.DataFrame({"id": hex_ids(rng, size, 15), "target": targets})
    tests, old = hex_ids(rng, 5, 15), hex_ids(rng, 5, 15)
    write_csv(labels, raw / "train_labels.csv")
    write_csv(pd.DataFrame({"id": tests, "target": 0.5}), raw / "sample_submission.csv")
    write_csv(pd.DataFrame({"id": old, "target": [0, 1, 0, 1, 0]}), raw / "old_leaky_data" / "test_labels_old.csv")
    for folder, names in (("train", labels["id"]), ("test", tests), ("old_leaky_data/test_old", old)):
        write_files(raw / folder, [f"{name[0]}/{name}.npy" for name in names], lambda: cadence(rng))


def cadence(rng: np.random.Generator) -> bytes:
    """Six observations as float16; real ones have 273 time steps of 256 channels."""
    buffer = io.BytesIO()
    np.save(buffer, rng.normal(size=(6, 4, 8)).astype(np.float16))
    return buffer.getvalue()
