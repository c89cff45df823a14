from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import with_gaps

from .fares import SAMPLE_FARE


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    rides = make_rides(rng, size)
    write_csv(rides, raw / "train.csv")
    test = make_rides(rng, max(1, size // 4)).drop(columns="fare_amount")
    write_csv(test, raw / "test.csv")
    write_csv(test[["key"]].assign(fare_amount=SAMPLE_FARE), raw / "sample_submission.csv")
    (raw / "GCP-Coupons-Instructions.rtf").write_text(r"{\rtf1\ansi Claim your coupon.}")


def make_rides(rng: np.random.Generator, size: int) -> pd.DataFrame:
    start = pd.Timestamp("2009-01-01") + pd.to_timedelta(rng.integers(0, 6 * 365 * 86_400, size), unit="s")
    place = np.where(rng.random((size, 4)) < 0.03, 0.0, rng.normal([-73.97, 40.75, -73.97, 40.75], 0.03, (size, 4)).round(6))
    return pd.DataFrame(
        {
            "key": [f"{time:%Y-%m-%d %H:%M:%S}.{number:07d}" for number, time in enumerate(start)],
            "fare_amount": rng.choice([4.5, 6.0, 9.7, 52.0, -2.5, 11.33], size) + rng.integers(0, 9, size),
            "pickup_datetime": [f"{time:%Y-%m-%d %H:%M:%S} UTC" for time in start],
            "pickup_longitude": place[:, 0],
            "pickup_latitude": place[:, 1],
            # a few drop-offs are missing in the real data
            "dropoff_longitude": with_gaps(rng, place[:, 2], 0.02),
            "dropoff_latitude": with_gaps(rng, place[:, 3], 0.02),
            "passenger_count": rng.integers(0, 7, size),
        }
    )
