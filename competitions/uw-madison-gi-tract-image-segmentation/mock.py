from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from grading.metrics.run_length import encode
from mlebench.data import write_csv
from mlebench.data.mocking import blob_mask

ORGANS = ("large_bowel", "small_bowel", "stomach")
SHAPES = ((12, 12, "1.50_1.50"), (9, 14, "1.63_1.63"), (16, 11, "1.50_1.50"))


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    """About `size` rows: 3 per slice, 3 slices a day, 1 to 6 days a case; the first case has 6 days."""
    rows: list[tuple[str, str, str | None]] = []
    cases = rng.permutation(np.arange(2, 20 + size))
    number = 0
    while len(rows) < size or number < 3:
        days = rng.choice(40, 6 if number == 0 else int(rng.integers(1, 7)), replace=False).tolist()
        for day in days:
            rows += scan_day(raw, rng, f"case{cases[number]}", f"day{day}")
        number += 1
    unlabelled = scan_day(raw, rng, f"case{cases[0]}", "day99")
    write_csv(pd.DataFrame(rows, columns=["id", "class", "segmentation"]), raw / "train.csv")
    placeholder = pd.DataFrame(columns=["id", "class", "predicted"], data=[(*unlabelled[0][:2], "")])
    write_csv(placeholder.head(0), raw / "sample_submission.csv")


def scan_day(raw: Path, rng: np.random.Generator, case: str, day: str) -> list[tuple[str, str, str | None]]:
    height, width, spacing = SHAPES[rng.integers(len(SHAPES))]
    folder = raw / "train" / case / f"{case}_{day}" / "scans"
    folder.mkdir(parents=True)
    rows: list[tuple[str, str, str | None]] = []
    for number in range(1, 4):
        pixels = rng.integers(0, 2**16, (height, width), dtype=np.uint16)
        Image.fromarray(pixels).save(folder / f"slice_{number:04d}_{width}_{height}_{spacing}.png")
        for organ in ORGANS:
            # every day has some masks, and every slice lacks some
            is_there = (organ == "stomach" and number == 2) or rng.random() < 0.4
            mask = encode(blob_mask(rng, (height, width)), "C") if is_there else None
            rows.append((f"{case}_{day}_slice_{number:04d}", organ, mask))
    return rows
