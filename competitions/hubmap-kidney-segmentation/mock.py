import json
from pathlib import Path

import numpy as np
import pandas as pd

from grading.metrics.run_length import encode
from mlebench.data import write_csv
from mlebench.data.mocking import blob_mask, hex_ids, image_bytes, with_gaps, write_files

LABELLED, UNLABELLED = 15, 5


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    """The real data has 15 labelled images; `size` is the number of glomeruli."""
    ids = hex_ids(rng, LABELLED + UNLABELLED, 9)
    train, test = ids[:LABELLED], ids[LABELLED:]
    shapes = [(int(height), int(width)) for height, width in rng.integers(20, 60, (len(ids), 2))]
    images = information(rng, ids, shapes)
    write_csv(images.sample(frac=1, random_state=0), raw / "HuBMAP-20-dataset_information.csv")

    glomeruli = np.maximum(rng.multinomial(size, np.full(LABELLED, 1 / LABELLED)), 1)
    masks = [
        np.any([blob_mask(rng, shape, largest=5) for _ in range(count)], axis=0)
        for shape, count in zip(shapes[:LABELLED], glomeruli, strict=True)
    ]
    write_csv(pd.DataFrame({"id": train, "encoding": [encode(mask) for mask in masks]}), raw / "train.csv")
    write_csv(pd.DataFrame({"id": test, "predicted": ""}), raw / "sample_submission.csv")

    for folder, names in (("train", train), ("test", test)):
        write_files(raw / folder, (f"{name}.tiff" for name in names), lambda: image_bytes(rng, "TIFF"))
        write_files(raw / folder, (f"{name}-anatomical-structure.json" for name in names), lambda: outline(rng, "Cortex"))
    write_files(raw / "train", (f"{name}.json" for name in train), lambda: outline(rng, "glomerulus"))


def information(rng: np.random.Generator, ids: list[str], shapes: list[tuple[int, int]]) -> pd.DataFrame:
    count = len(ids)
    donors = 60_000 + np.sort(rng.integers(0, 10, count))
    return pd.DataFrame(
        {
            "image_file": [f"{name}.tiff" for name in ids],
            "width_pixels": [width for _, width in shapes],
            "height_pixels": [height for height, _ in shapes],
            "anatomical_structures_segmention_file": [f"{name}-anatomical-structure.json" for name in ids],
            "glomerulus_segmentation_file": [f"{name}.json" for name in ids],
            "patient_number": donors,
            "race": rng.choice(["White", "Black or African American"], count),
            "ethnicity": rng.choice(["Not Hispanic or Latino", "Hispanic, or Latino"], count),
            "sex": rng.choice(["Male", "Female"], count),
            "age": rng.integers(25, 80, count),
            "weight_kilograms": rng.uniform(55, 130, count).round(1),
            "height_centimeters": with_gaps(rng, rng.uniform(150, 190, count).round(1)),
            "bmi_kg/m^2": rng.uniform(18, 40, count).round(3),
            "laterality": rng.choice(["Left", "Right"], count),
            "percent_cortex": (cortex := rng.integers(50, 100, count)),
            "percent_medulla": 100 - cortex,
        }
    )


def outline(rng: np.random.Generator, name: str) -> bytes:
    x, y = rng.integers(0, 20, 2).tolist()
    feature = {
        "type": "Feature",
        "id": "PathAnnotationObject",
        "geometry": {"type": "Polygon", "coordinates": [[[x, y], [x + 5, y], [x + 5, y + 4], [x, y]]]},
        "properties": {"classification": {"name": name, "colorRGB": -3140401}, "isLocked": True},
    }
    return json.dumps([feature]).encode()
