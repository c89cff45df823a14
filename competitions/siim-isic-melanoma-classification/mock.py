from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv
from mlebench.data.mocking import cycle, dicoms, image_bytes, with_gaps, write_files
from mlebench.data.tfrecord import encode_example, frame, write_tfrecord

SHARDS = 16
SITES = ("head/neck", "upper extremity", "lower extremity", "torso", "palms/soles", "oral/genital")


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    numbers = np.sort(rng.choice(10**7, size + 5, replace=False))
    names = [f"ISIC_{number:07d}" for number in numbers]
    patients = [f"IP_{number:07d}" for number in rng.choice(10**7, max(8, size // 4), replace=False)]
    # the order of the table is not that of the records
    shard = rng.permutation(np.arange(size) * SHARDS // size)
    patient = rng.choice(patients, size)
    target = labels(rng, shard, patient)
    lesions = pd.DataFrame(
        {
            "image_name": names[:size],
            "patient_id": patient,
            "sex": with_gaps(rng, rng.choice(["male", "female"], size)),
            "age_approx": with_gaps(rng, rng.integers(2, 18, size) * 5.0),
            "anatom_site_general_challenge": with_gaps(rng, rng.choice(SITES, size)),
            "diagnosis": np.where(target, "melanoma", rng.choice(["unknown", "nevus"], size)),
            "benign_malignant": np.where(target, "malignant", "benign"),
            "target": target,
        }
    )
    tests = pd.DataFrame({"image_name": names[size:], "patient_id": patients[:5]})
    write_csv(lesions, raw / "train.csv")
    write_csv(tests, raw / "test.csv")
    write_csv(tests[["image_name"]].assign(target=0), raw / "sample_submission.csv")
    scan = dicoms(rng, Modality="XC")
    for part, table in (("train", lesions), ("test", tests)):
        write_files(raw / part, table["image_name"] + ".dcm", scan)
        write_files(raw / "jpeg" / part, table["image_name"] + ".jpg", lambda: image_bytes(rng))
    (raw / "tfrecords").mkdir()
    for number in range(SHARDS):
        write_shard(rng, lesions[shard == number], raw / "tfrecords", f"train{number:02d}")
    write_shard(rng, tests, raw / "tfrecords", "test00")


def labels(rng: np.random.Generator, shard: np.ndarray, patient: np.ndarray) -> np.ndarray:
    """Labels such that both kinds are in the test part of each edition."""
    parts = [np.flatnonzero(np.isin(shard, (0, 6)))]
    edition = Edition("v2", "siim-isic-melanoma-classification")
    parts.append(edition.split(np.arange(len(shard)), test_size=0.125, groups=patient)[1])
    while True:
        target = np.array(cycle([0, 0, 1], rng, len(shard)))
        if all(len(set(target[part])) == 2 for part in parts):
            return target


def write_shard(rng: np.random.Generator, lesions: pd.DataFrame, folder: Path, name: str) -> None:
    records = []
    for lesion in lesions.to_dict(orient="records"):
        features = {"image": [image_bytes(rng)], "image_name": [lesion["image_name"].encode()]}
        if "target" in lesion:
            features |= {"patient_id": [int(lesion["patient_id"][3:])], "sex": [1], "age_approx": [45], "diagnosis": [3]}
            features |= {"anatom_site_general_challenge": [2], "target": [lesion["target"]]}
        records.append(frame(encode_example(features)))
    write_tfrecord(folder / f"{name}-{len(records)}.tfrec", records)
