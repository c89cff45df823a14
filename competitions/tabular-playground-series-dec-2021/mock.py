from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv

DISTANCES = ("Horizontal_Distance_To_Hydrology", "Vertical_Distance_To_Hydrology", "Horizontal_Distance_To_Roadways")
SHADES = ("Hillshade_9am", "Hillshade_Noon", "Hillshade_3pm")


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    write_csv(make_patches(rng, size, first_id=0), raw / "train.csv")
    test = make_patches(rng, max(1, size // 4), first_id=size).drop(columns="Cover_Type")
    write_csv(test, raw / "test.csv")
    write_csv(test[["Id"]].assign(Cover_Type=2), raw / "sample_submission.csv")


def make_patches(rng: np.random.Generator, size: int, first_id: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Id": range(first_id, first_id + size),
            "Elevation": rng.integers(1700, 4400, size),
            "Aspect": rng.integers(-33, 408, size),
            "Slope": rng.integers(-3, 65, size),
            # the synthetic values exceed the ranges of the real ones
            **{name: rng.integers(-300, 7000, size) for name in DISTANCES},
            **{name: rng.integers(-5, 300, size) for name in SHADES},
            "Horizontal_Distance_To_Fire_Points": rng.integers(-280, 8100, size),
            **{f"Wilderness_Area{k}": rng.integers(0, 2, size) for k in range(1, 5)},
            **{f"Soil_Type{k}": (rng.random(size) < 0.03).astype(int) for k in range(1, 41)},
            "Cover_Type": rng.choice(range(1, 8), size, p=[0.36, 0.56, 0.05, 0.01, 0.005, 0.005, 0.01]),
        }
    )
