from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import cycle, hex_ids, image_bytes, write_files

SOME_BREEDS = (
    "affenpinscher", "basset", "black-and-tan_coonhound", "boxer", "curly-coated_retriever", "dhole", "dingo", "pug",
    "scottish_deerhound", "shih-tzu", "soft-coated_wheaten_terrier", "wire-haired_fox_terrier", "yorkshire_terrier",
)  # fmt: skip


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    ids = hex_ids(rng, size + 5, 32)
    labels = pd.DataFrame({"id": ids[:size], "breed": cycle(SOME_BREEDS, rng, size)})
    write_csv(labels, raw / "labels.csv")
    write_csv(pd.DataFrame({"id": ids[size:]}).assign(**dict.fromkeys(SOME_BREEDS, 1 / 120)), raw / "sample_submission.csv")
    write_files(raw / "train", [f"{name}.jpg" for name in ids[:size]], partial(image_bytes, rng))
    write_files(raw / "test", [f"{name}.jpg" for name in ids[size:]], partial(image_bytes, rng))
