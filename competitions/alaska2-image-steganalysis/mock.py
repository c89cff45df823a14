from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import image_bytes, write_files

from .kinds import KINDS


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    names = [f"{number:05d}.jpg" for number in range(1, size + 1)]
    tests = [f"{number:04d}.jpg" for number in range(1, 6)]
    for kind in KINDS:
        write_files(raw / kind, names, lambda: image_bytes(rng))
    write_files(raw / "Test", tests, lambda: image_bytes(rng))
    write_csv(pd.DataFrame({"Id": tests, "Label": 0}), raw / "sample_submission.csv")
