from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import hex_ids, image_bytes, write_files

from .photos import CONTRADICTING, SAMPLE_HOTELS


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    hotels = pd.DataFrame({"hotel_id": np.sort(rng.choice(65_000, max(4, size // 8), replace=False))})
    hotels["chain"] = rng.choice([0, 0, 3, 88, 91], len(hotels))
    # some hotels have one photo, and a visit often gives several
    popular = np.minimum(rng.geometric(3 / len(hotels), size) - 1, len(hotels) - 1)
    days = pd.to_datetime("2019-03-01 12:00:00") + pd.to_timedelta(rng.integers(0, 4, size) * 86_461, unit="s")
    photos = pd.DataFrame({"image": [f"{name}.jpg" for name in hex_ids(rng, size + 3, 16)[:size]]})
    photos["chain"] = hotels["chain"].to_numpy()[popular]
    photos["hotel_id"] = hotels["hotel_id"].to_numpy()[popular]
    photos["timestamp"] = days.strftime("%Y-%m-%d %H:%M:%S")
    write_files(raw / "train_images", photos["chain"].astype(str) + "/" + photos["image"], partial(image_bytes, rng))
    twice = pd.DataFrame(
        {"image": CONTRADICTING, "chain": [0, 88], "hotel_id": [18807, 36363], "timestamp": "2019-03-01 12:00:00"}
    )
    write_csv(pd.concat([photos, twice]).sort_values("image"), raw / "train.csv")

    samples = ["99e91ad5f2870678.jpg", "b5cc62ab665591a9.jpg", "d5664a972d5a644b.jpg"]
    write_files(raw / "test_images", samples, partial(image_bytes, rng))
    write_csv(pd.DataFrame({"image": samples, "hotel_id": SAMPLE_HOTELS}), raw / "sample_submission.csv")
