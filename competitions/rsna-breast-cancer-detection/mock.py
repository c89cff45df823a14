from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import dicoms, with_gaps, write_files

FEW_PATIENTS = 40


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    """`size` images, about 4 per patient; most patients have one positive breast, so that every test set has some."""
    images = pd.concat([visit(rng, int(patient)) for patient in rng.choice(65_000, size // 2, replace=False)]).head(size)
    count = len(images)
    patients = images["patient_id"].nunique()
    positive = rng.random(65_000) < (1.0 if patients < FEW_PATIENTS else 0.8)
    side = np.where(images["patient_id"] % 2 == 0, "L", "R")
    cancer = (positive[images["patient_id"]] & (images["laterality"] == side)).astype(int)
    table = pd.DataFrame(
        {
            "site_id": 1 + images["patient_id"] % 3 // 2,
            **images,
            "age": with_gaps(rng, rng.integers(30, 90, count).astype(float)),
            "cancer": cancer,
            "biopsy": cancer | (rng.random(count) < 0.1),
            "invasive": cancer & (rng.random(count) < 0.5),
            "BIRADS": with_gaps(rng, rng.integers(0, 3, count).astype(float), share=0.5),
            "implant": rng.integers(0, 2, count),
            "density": with_gaps(rng, rng.choice(list("ABCD"), count), share=0.4),
            "machine_id": rng.choice([21, 29, 48, 49, 170], count),
            "difficult_negative_case": rng.random(count) < 0.15,
        }
    )
    write_csv(table, raw / "train.csv")
    mammogram = dicoms(rng)
    files = (table["patient_id"].astype(str) + "/" + table["image_id"].astype(str) + ".dcm").tolist()
    write_files(raw / "train_images", files, mammogram)
    write_files(raw / "test_images", [f"10008/{name}.dcm" for name in (736471439, 1591370361)], mammogram)

    test = pd.DataFrame({"patient_id": 10008, "image_id": [736471439, 1591370361], "laterality": ["L", "R"], "view": "MLO"})
    write_csv(test.assign(prediction_id=["10008_L", "10008_R"]), raw / "test.csv")
    write_csv(pd.DataFrame({"prediction_id": ["10008_L", "10008_R"], "cancer": 0.02}), raw / "sample_submission.csv")


def visit(rng: np.random.Generator, patient: int) -> pd.DataFrame:
    """Two views of each breast, sometimes another one."""
    extra = [("L", "ML")] if rng.random() < 0.2 else []
    views = [("L", "CC"), ("L", "MLO"), ("R", "CC"), ("R", "MLO"), *extra]
    ids = rng.integers(10**6, 2 * 10**9, len(views))
    return pd.DataFrame(
        {"patient_id": patient, "image_id": ids, "laterality": [v[0] for v in views], "view": [v[1] for v in views]}
    )
