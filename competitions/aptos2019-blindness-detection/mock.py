from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv
from mlebench.data.mocking import cycle, hex_ids, image_bytes, write_files


def grades(rng: np.random.Generator, size: int) -> list[object]:
    """Grades such that v1's test part has more than one, as the kappa requires."""
    _, test = Edition("v1", "aptos2019-blindness-detection").split(np.arange(size), test_size=0.1)
    while True:
        values = cycle([0, 0, 2, 1, 3, 4], rng, size)
        if len({values[row] for row in test}) > 1:
            return values


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    codes = hex_ids(rng, size + size // 4, 12)
    photos = pd.DataFrame({"id_code": codes[:size], "diagnosis": grades(rng, size)})
    others = pd.DataFrame({"id_code": codes[size:]})
    write_csv(photos, raw / "train.csv")
    write_csv(others, raw / "test.csv")
    write_csv(others.assign(diagnosis=0), raw / "sample_submission.csv")
    photo = partial(image_bytes, rng, "PNG")
    write_files(raw / "train_images", photos["id_code"] + ".png", photo)
    write_files(raw / "test_images", others["id_code"] + ".png", photo)

    # some photos occur twice, not always with the same grade
    for original, copy in zip(codes[:4], codes[size - 4 : size], strict=True):
        (raw / "train_images" / f"{copy}.png").write_bytes((raw / "train_images" / f"{original}.png").read_bytes())
