from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import hex_ids, image_bytes, write_files, zip_folder


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    names = [f"{name}.jpg" for name in hex_ids(rng, size + size // 4, 32)]
    train, test = names[:size], names[size:]
    # alternating classes, so that both occur in every test set
    write_csv(pd.DataFrame({"id": train, "has_cactus": np.arange(size) % 2}), raw / "train.csv")
    write_csv(pd.DataFrame({"id": test, "has_cactus": 0.5}), raw / "sample_submission.csv")
    for part, members in (("train", train), ("test", test)):
        write_files(raw / part, members, lambda: image_bytes(rng, "JPEG", (32, 32)))
        zip_folder(raw / part, raw / f"{part}.zip", inside=f"{part}/")
