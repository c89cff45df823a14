from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Member, scratch, write_7z, write_zipped_csv
from mlebench.data.mocking import image_bytes, labels_in_every_part, write_files


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    labels = pd.DataFrame({"name": range(1, size + 1), "invasive": labels_in_every_part(rng, size, 2, test_size=0.2)})
    n_test = size // 2
    write_zipped_csv(labels, raw / "train_labels.csv.zip")
    write_zipped_csv(pd.DataFrame({"name": range(1, n_test + 1), "invasive": 0.5}), raw / "sample_submission.csv.zip")
    for part, count in (("train", size), ("test", n_test)):
        names = [f"{number}.jpg" for number in range(1, count + 1)]
        with scratch(raw) as images:
            write_files(images, names, partial(image_bytes, rng))
            members = [Member(part, images), *(Member(f"{part}/{name}", images / name) for name in names)]
            write_7z(raw / f"{part}.7z", members)
