from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import cycle, dicoms, hex_ids, write_files

from .labels import NOTHING, SAMPLE_STUDY

COLUMNS = ("Negative for Pneumonia", "Typical Appearance", "Indeterminate Appearance", "Atypical Appearance")


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    studies, unlabelled = np.split(np.array(hex_ids(rng, size + 3, 12)), [size])
    appearance = np.array(cycle(range(len(COLUMNS)), rng, size))
    classes = {name: (appearance == number).astype(int) for number, name in enumerate(COLUMNS)}
    write_csv(pd.DataFrame({"id": [f"{study}_study" for study in studies], **classes}), raw / "train_study_level.csv")

    # a few studies have several images
    study_of = rng.permutation(np.concatenate([studies, studies[: size // 10]]))
    images = hex_ids(rng, len(study_of) + 3, 12)
    negative = dict(zip(studies, appearance == 0, strict=True))
    boxes = [draw_boxes(rng, 0 if negative[study] else int(rng.integers(1, 4))) for study in study_of]
    table = {
        "id": [f"{image}_image" for image in images[: len(study_of)]],
        "boxes": [as_boxes(found) for found in boxes],
        "label": [as_label(found) for found in boxes],
        "StudyInstanceUID": study_of,
    }
    write_csv(pd.DataFrame(table), raw / "train_image_level.csv")

    radiograph = dicoms(rng)
    series = hex_ids(rng, len(images), 12)
    paths = [f"{s}/{k}/{i}.dcm" for s, k, i in zip([*study_of, *unlabelled], series, images, strict=True)]
    write_files(raw / "train", paths[:-3], radiograph)
    write_files(raw / "test", paths[-3:], radiograph)
    rows = [f"{study}_study" for study in unlabelled] + [f"{image}_image" for image in images[-3:]]
    sample = pd.DataFrame({"id": rows, "PredictionString": [SAMPLE_STUDY] * 3 + [NOTHING] * 3})
    write_csv(sample, raw / "sample_submission.csv")


def draw_boxes(rng: np.random.Generator, count: int) -> list[dict[str, float]]:
    corners, sizes = rng.uniform(0, 1500, (count, 2)).round(5), rng.uniform(100, 1500, (count, 2)).round(5)
    rows = np.column_stack([corners, sizes]).tolist()
    return [dict(zip(("x", "y", "width", "height"), row, strict=True)) for row in rows]


def as_boxes(boxes: list[dict[str, float]]) -> str | None:
    return str(boxes) if boxes else None


def as_label(boxes: list[dict[str, float]]) -> str:
    found = (f"opacity 1 {b['x']} {b['y']} {b['x'] + b['width']} {b['y'] + b['height']}" for b in boxes)
    return " ".join(found) if boxes else NOTHING
