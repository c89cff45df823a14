from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import hex_ids, image_bytes, write_files, zip_folder

CLASSES = [0, 1, 3, 4, 8, 10, 11, 13, 14, 16, 17, 18, 19, 22]


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    photos = photo_table(rng, size, n_locations=max(12, min(138, size // 5)))
    tests = photo_table(rng, 5, n_locations=3).drop(columns="category_id")
    write_csv(photos, raw / "train.csv")
    write_csv(tests, raw / "test.csv")
    write_csv(pd.DataFrame({"Id": tests["id"], "Category": 0}), raw / "sample_submission.csv")
    for part, table in (("train", photos), ("test", tests)):
        write_files(raw / "packing", table["file_name"], lambda: image_bytes(rng))
        zip_folder(raw / "packing", raw / f"{part}_images.zip")


def photo_table(rng: np.random.Generator, size: int, n_locations: int) -> pd.DataFrame:
    ids = [f"{name[:8]}-{name[8:12]}-11e8-a6a3-{name[12:]}" for name in hex_ids(rng, size, 24)]
    location = rng.integers(0, n_locations, size)
    burst = rng.integers(1, 4, size)
    captured = pd.Timestamp("2011-05-13 23:43:18") + pd.to_timedelta(rng.integers(0, 10**8, size), unit="s")
    return pd.DataFrame(
        {
            # each place has its own animals, and most photos are empty
            "category_id": np.where(rng.random(size) < 0.5, 0, rng.choice(CLASSES, size)),
            "date_captured": captured.strftime("%Y-%m-%d %H:%M:%S"),
            "file_name": [f"{name}.jpg" for name in ids],
            "frame_num": rng.integers(1, burst + 1),
            "id": ids,
            "location": location,
            "rights_holder": rng.choice(["Justin Brown", "Erin Boydston", "née, “X”"], size),
            "seq_id": [f"{name[:8]}-2112-11e8" for name in ids],
            "seq_num_frames": burst,
            "width": 1024,
            "height": rng.choice([747, 768], size),
        }
    )
