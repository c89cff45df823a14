import json
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Member, write_7z, write_csv
from mlebench.data.mocking import cycle, hex_ids

PIXELS = 9
"""Real images have 75 × 75."""


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    ids = hex_ids(rng, size + 5, 8)
    # images of one pass share their angle, and some have none
    angles = [*rng.uniform(30, 46, max(5, size // 3)).round(4).tolist(), "na"]
    images = [record(rng, name, angles) for name in ids]
    labels = cycle([0, 1], rng, size)
    train = [{**image, "is_iceberg": label} for image, label in zip(images, labels, strict=False)]
    pack(raw, "train.json", json.dumps(train))
    pack(raw, "test.json", json.dumps(images[size:]))
    write_csv(pd.DataFrame({"id": ids[size:], "is_iceberg": 0.5}), raw / "packing.csv")
    pack(raw, "sample_submission.csv", (raw / "packing.csv").read_text())
    (raw / "packing.csv").unlink()


def record(rng: np.random.Generator, name: str, angles: list) -> dict:
    bands = {band: rng.uniform(-40, 10, PIXELS).round(6).tolist() for band in ("band_1", "band_2")}
    return {"id": name, **bands, "inc_angle": angles[rng.integers(len(angles))]}


def pack(raw: Path, name: str, content: str) -> None:
    packing = raw / "packing"
    packing.write_text(content)
    inside = name if name.endswith(".csv") else f"data/processed/{name}"
    write_7z(raw / f"{name}.7z", [Member(inside, packing)])
    packing.unlink()
