from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv

INSTANTS = 20
"""Real segments have 60,001."""


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    ids = rng.choice(2**31 - 1, size + max(1, size // 4), replace=False)
    times = rng.integers(6_250, 49_046_087, size)
    write_csv(pd.DataFrame({"segment_id": ids[:size], "time_to_eruption": times}), raw / "train.csv")
    write_csv(pd.DataFrame({"segment_id": ids[size:], "time_to_eruption": 0}), raw / "sample_submission.csv")
    for segment in ids[:size]:
        write_csv(make_readings(rng), raw / "train" / f"{segment}.csv")
    for segment in ids[size:]:
        write_csv(make_readings(rng), raw / "test" / f"{segment}.csv")


def make_readings(rng: np.random.Generator) -> pd.DataFrame:
    """Ten sensors with gaps; in one of five segments a sensor is silent."""
    values = rng.integers(-32_768, 32_768, (INSTANTS, 10)).astype(float)
    values[rng.random(values.shape) < 0.05] = np.nan
    if rng.random() < 0.2:
        values[:, rng.integers(10)] = np.nan
    return pd.DataFrame(values, columns=[f"sensor_{k}" for k in range(1, 11)])
