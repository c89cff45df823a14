from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import dicoms, nifti_bytes, write_files

VERTEBRAE = [f"C{number}" for number in range(1, 8)]


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    uids = [f"1.2.826.0.1.3680043.{number}" for number in rng.choice(40_000, size + 3, replace=False)]
    studies, unlabelled = np.array(uids[:size]), uids[size:]
    fractures = (rng.random((size, 7)) < 0.1).astype(int)
    labels = {"patient_overall": fractures.max(axis=1), **dict(zip(VERTEBRAE, fractures.T, strict=True))}
    write_csv(pd.DataFrame({"StudyInstanceUID": studies, **labels}), raw / "train.csv")

    with_boxes, with_voxels = studies[rng.random(size) < 0.2], studies[rng.random(size) < 0.15]
    write_csv(pd.concat([boxes(rng, uid) for uid in [studies[0], *with_boxes]]), raw / "train_bounding_boxes.csv")
    write_files(
        raw / "segmentations",
        (f"{uid}.nii" for uid in [*with_voxels, studies[-1]]),
        lambda: nifti_bytes(rng.integers(0, 20, (3, 4, 5))),
    )
    slice_of_scan = dicoms(rng)
    for folder, names in (("train_images", studies), ("test_images", unlabelled)):
        paths = (f"{uid}/{number}.dcm" for uid in names for number in range(1, int(rng.integers(2, 5))))
        write_files(raw / folder, paths, slice_of_scan)

    rows = [f"{uid}_C1" for uid in unlabelled]
    test = pd.DataFrame({"row_id": rows, "StudyInstanceUID": unlabelled, "prediction_type": "C1"})
    write_csv(test, raw / "test.csv")
    write_csv(pd.DataFrame({"row_id": rows, "fractured": 0.5}), raw / "sample_submission.csv")


def boxes(rng: np.random.Generator, uid: str) -> pd.DataFrame:
    count = int(rng.integers(1, 4))
    corners = {name: rng.integers(10, 200, count).astype(float) for name in ("x", "y", "width", "height")}
    return pd.DataFrame({"StudyInstanceUID": uid, **corners, "slice_number": rng.integers(1, 300, count)})
