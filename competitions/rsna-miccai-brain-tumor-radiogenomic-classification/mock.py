from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import cycle_in_test, dicoms, write_files

TROUBLED = (109, 123, 709)
SEQUENCES = ("FLAIR", "T1w", "T1wCE", "T2w")


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    numbers = rng.choice(np.setdiff1d(np.arange(10_000), TROUBLED), size, replace=False)
    numbers[rng.choice(size, 3, replace=False)] = TROUBLED
    cases = [f"{number:05d}" for number in np.sort(numbers)]
    labels = cycle_in_test([0, 1], rng, size, "rsna-miccai-brain-tumor-radiogenomic-classification", 0.1)
    tests = ["10001", "10002"]
    write_csv(pd.DataFrame({"BraTS21ID": cases, "MGMT_value": labels}), raw / "train_labels.csv")
    write_csv(pd.DataFrame({"BraTS21ID": tests, "MGMT_value": 0.5}), raw / "sample_submission.csv")
    slice_of_scan = dicoms(rng, (4, 4), Modality="MR")
    for part, names in (("train", cases), ("test", tests)):
        for case in names:
            files = [f"{sequence}/Image-{n}.dcm" for sequence in SEQUENCES for n in range(1, 2 + int(rng.integers(2)))]
            write_files(raw / part / case, files, slice_of_scan)
