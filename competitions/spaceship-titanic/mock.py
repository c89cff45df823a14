from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import cycle, with_gaps

AMENITIES = ("RoomService", "FoodCourt", "ShoppingMall", "Spa", "VRDeck")


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    group = np.sort(rng.integers(1, size + 1, size))
    member = pd.Series(group).groupby(group).cumcount() + 1
    cabins = [f"{deck}/{number}/{side}" for deck, number, side in zip(
        rng.choice(list("ABCDEFG"), size), rng.integers(0, 900, size), rng.choice(["P", "S"], size), strict=True
    )]  # fmt: skip
    passengers = pd.DataFrame(
        {
            "PassengerId": [f"{g:04d}_{m:02d}" for g, m in zip(group, member, strict=True)],
            "HomePlanet": with_gaps(rng, rng.choice(["Earth", "Europa", "Mars"], size)),
            "CryoSleep": with_gaps(rng, rng.random(size) < 0.35),
            "Cabin": with_gaps(rng, cabins),
            "Destination": with_gaps(rng, rng.choice(["TRAPPIST-1e", "55 Cancri e", "PSO J318.5-22"], size)),
            "Age": with_gaps(rng, rng.integers(0, 80, size).astype(float)),
            "VIP": with_gaps(rng, rng.random(size) < 0.02),
            **{name: with_gaps(rng, rng.integers(0, 3000, size) * (rng.random(size) < 0.4) * 1.0) for name in AMENITIES},
            "Name": with_gaps(rng, [f'Ann{k} O\'Neil, "Jr"' for k in range(size)]),
            "Transported": cycle([True, False], rng, size),
        }
    )
    write_csv(passengers, raw / "train.csv")
    write_csv(passengers.drop(columns="Transported").head(size // 2), raw / "test.csv")
    write_csv(passengers[["PassengerId"]].assign(Transported=False).head(size // 2), raw / "sample_submission.csv")
