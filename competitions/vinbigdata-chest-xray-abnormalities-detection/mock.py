from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import dicoms, hex_ids, write_files

from .boxes import CORNERS, NO_FINDING, SAMPLE_BOX

CLASSES = (
    "Aortic enlargement", "Atelectasis", "Calcification", "Cardiomegaly", "Consolidation", "ILD", "Infiltration", "Lung Opacity",
    "Nodule/Mass", "Other lesion", "Pleural effusion", "Pleural thickening", "Pneumothorax", "Pulmonary fibrosis", "No finding",
)  # fmt: skip


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    images, unlabelled = np.split(np.array(hex_ids(rng, size + 3, 32)), [size])
    rows = [row for image in images for row in (read_by_three(rng, image) if rng.random() < 0.6 else healthy(rng, image))]
    columns = ["image_id", "class_name", "class_id", "rad_id", *CORNERS]
    table = pd.DataFrame(rows, columns=columns).sample(frac=1, random_state=0)
    write_csv(table, raw / "train.csv")

    radiograph = dicoms(rng)
    write_files(raw / "train", (f"{image}.dicom" for image in images), radiograph)
    write_files(raw / "test", (f"{image}.dicom" for image in unlabelled), radiograph)
    write_csv(pd.DataFrame({"image_id": unlabelled, "PredictionString": SAMPLE_BOX}), raw / "sample_submission.csv")


def healthy(rng: np.random.Generator, image: str) -> list[tuple]:
    """Three readings without a finding."""
    return [(image, CLASSES[NO_FINDING], NO_FINDING, f"R{rng.integers(1, 18)}", None, None, None, None) for _ in range(3)]


def read_by_three(rng: np.random.Generator, image: str) -> list[tuple]:
    """Lesions, some of one class, that one to three radiologists saw at slightly different places."""
    rows = []
    for label in rng.choice([0, 3, 7, 8, 8, 11, 13], int(rng.integers(1, 5))).tolist():
        x, y = rng.integers(50, 2000, 2)
        width, height = rng.integers(60, 900, 2)
        for reader in rng.choice(np.arange(1, 18), int(rng.integers(1, 4)), replace=False):
            dx, dy = rng.integers(0, 25, 2)
            corners = (x + dx, y + dy, x + width + dx, y + height + dy)
            rows.append((image, CLASSES[label], label, f"R{reader}", *map(float, corners)))
    return rows
