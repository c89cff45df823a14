from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import aiff_bytes, cycle, write_files, zip_folder

TRAIN_DATES = ("20090328", "20090329", "20090330", "20090331")


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    clip = partial(aiff_bytes, rng, 2_000, 0.05)
    names: list[str] = []
    for day, date in enumerate(TRAIN_DATES):
        starts = clip_starts(rng, date, (size + day) // len(TRAIN_DATES))
        # every day has calls and noise
        labels = cycle([0, 0, 1], rng, len(starts))
        first = len(names)
        names += [f"{start}_TRAIN{first + k}_{label}.aif" for k, (start, label) in enumerate(zip(starts, labels, strict=True))]
    tests = [f"{start}_Test{k}.aif" for k, start in enumerate(clip_starts(rng, "20090404", 5))]
    for folder, files in (("train2", names), ("test2", tests)):
        write_files(raw / "packing", files, clip)
        zip_folder(raw / "packing", raw / f"{folder}.zip", inside=f"{folder}/")
    write_csv(pd.DataFrame({"clip": tests, "probability": 0}), raw / "sampleSubmission.csv")


def clip_starts(rng: np.random.Generator, date: str, count: int) -> list[str]:
    """Clips in blocks of a quarter of an hour; the second of the day has three to five digits."""
    seconds = np.sort(rng.choice(86_400 * 10, count, replace=False))
    # some clips are around second 1000, where the number of digits changes within one block
    seconds[: count // 3] = np.sort(rng.choice(np.arange(9_000, 18_000), count // 3, replace=False))
    blocks = [second // 9_000 * 15 for second in np.sort(seconds)]
    return [
        f"{date}_{block // 60:02d}{block % 60:02d}00_{second // 10:03d}s{second % 10}ms"
        for block, second in zip(blocks, np.sort(seconds), strict=True)
    ]
