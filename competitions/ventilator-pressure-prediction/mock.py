from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv

STEPS = 80


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    breaths = max(2, size // STEPS)
    write_csv(make_breaths(rng, breaths), raw / "train.csv")
    test = make_breaths(rng, max(1, breaths // 4)).drop(columns="pressure")
    write_csv(test, raw / "test.csv")
    write_csv(test[["id"]].assign(pressure=0), raw / "sample_submission.csv")


def make_breaths(rng: np.random.Generator, breaths: int) -> pd.DataFrame:
    def for_each_step(of_breath: np.ndarray) -> np.ndarray:
        return np.repeat(of_breath, STEPS)

    step = np.tile(np.arange(STEPS), breaths)
    rows = len(step)
    inspiration = step < 30
    return pd.DataFrame(
        {
            "id": range(1, rows + 1),
            # breath numbers have gaps
            "breath_id": for_each_step(np.cumsum(rng.integers(1, 4, breaths))),
            "R": for_each_step(rng.choice([5, 20, 50], breaths)),
            "C": for_each_step(rng.choice([10, 20, 50], breaths)),
            "time_step": step * for_each_step(rng.uniform(0.031, 0.037, breaths)),
            "u_in": np.where(inspiration, rng.uniform(0, 100, rows), np.where(step < 40, 0.0, 4.99)),
            "u_out": (~inspiration).astype(int),
            "pressure": rng.integers(-27, 920, rows) * 0.07030214545 + 5.8,
        }
    )
