from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import cycle, hex_ids, image_bytes, write_files

from .species import SPECIES


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    files = [f"{name}.png" for name in hex_ids(rng, size + size // 6, 9)]
    photo = partial(image_bytes, rng, "PNG")
    labelled = zip(cycle(SPECIES, rng, size), files[:size], strict=True)
    write_files(raw / "train", [f"{species}/{file}" for species, file in labelled], photo)
    write_files(raw / "test", files[size:], photo)
    write_csv(pd.DataFrame({"file": files[size:], "species": "Sugar beet"}), raw / "sample_submission.csv")
