from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv
from mlebench.data.mocking import dicom_bytes, write_files

VISITS = 9


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    patients = [f"ID{number:05d}637202{rng.integers(10**11, 10**12)}" for number in range(7, 7 + max(10, size // VISITS))]
    visits = pd.concat([make_visits(rng, patient) for patient in patients], ignore_index=True)
    # a few patients of the real data have two measurements in one week, none of them in v1's test
    train, _ = Edition("v1", "osic-pulmonary-fibrosis-progression").split(sorted(patients), test_size=0.1)
    second = visits[visits["Patient"] == train[0]].tail(1)
    visits = pd.concat([visits, second.assign(FVC=second["FVC"] + 80)]).sort_values("Patient", kind="stable")

    test = visits[visits["Patient"].isin(patients[:2])].drop_duplicates("Patient")
    write_csv(visits, raw / "train.csv")
    write_csv(test, raw / "test.csv")
    weeks = [f"{patient}_{week}" for patient in test["Patient"] for week in range(-12, 134)]
    write_csv(pd.DataFrame({"Patient_Week": weeks, "FVC": 2000, "Confidence": 100}), raw / "sample_submission.csv")
    for folder, owners in (("train", patients), ("test", test["Patient"])):
        for patient in owners:
            slices = (f"{number}.dcm" for number in range(1, rng.integers(2, 4)))
            write_files(raw / folder / patient, slices, lambda name=patient: dicom_bytes(rng, PatientID=name, Modality="CT"))


def make_visits(rng: np.random.Generator, patient: str) -> pd.DataFrame:
    """Visits in order of time; those before the scan have negative weeks."""
    weeks = np.sort(rng.choice(np.arange(-5, 134), rng.integers(VISITS - 3, VISITS + 2), replace=False))
    capacity = (rng.uniform(1500, 4500) - weeks * rng.uniform(0, 8) + rng.normal(0, 40, len(weeks))).astype(int)
    return pd.DataFrame(
        {
            "Patient": patient,
            "Weeks": weeks,
            "FVC": capacity,
            "Percent": capacity / rng.uniform(30, 50),
            "Age": rng.integers(49, 89),
            "Sex": rng.choice(["Male", "Female"]),
            "SmokingStatus": rng.choice(["Ex-smoker", "Never smoked", "Currently smokes"]),
        }
    )
