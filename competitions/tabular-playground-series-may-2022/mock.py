from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import test_count, write_csv
from mlebench.data.mocking import cycle_in_test


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    write_csv(make_observations(rng, size, first_id=0), raw / "train.csv")
    test = make_observations(rng, max(1, size // 4), first_id=size).drop(columns="target")
    write_csv(test, raw / "test.csv")
    write_csv(test[["id"]].assign(target=0.5), raw / "sample_submission.csv")


def make_observations(rng: np.random.Generator, size: int, first_id: int) -> pd.DataFrame:
    continuous = {f"f_{k:02d}": rng.normal(size=size) for k in [*range(7), *range(19, 27)]}
    counts = {f"f_{k:02d}": rng.poisson(2, size) for k in range(7, 19)}
    features = {
        **continuous,
        **counts,
        "f_27": ["".join(letters) for letters in rng.choice(list("ABCDEFGHIJKLMNOPQRST"), (size, 10))],
        "f_28": rng.normal(0, 300, size),
        "f_29": rng.integers(0, 2, size),
        "f_30": rng.integers(0, 3, size),
    }
    ids = range(first_id, first_id + size)
    target = cycle_in_test([0, 1], rng, size, "tabular-playground-series-may-2022", test_count(size, 100_000))
    return pd.DataFrame({"id": ids, **dict(sorted(features.items())), "target": target})
