from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_zipped_csv
from mlebench.data.mocking import image_bytes, write_files, zip_folder


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    names = [f"{number}.png" for number in rng.choice(np.arange(1, 4 * size), size, replace=False)]
    tests = [f"{number}.png" for number in range(1, size // 2 + 1)]
    shapes = dict(zip(names, [((9, 4), (9, 7))[k] for k in rng.integers(0, 2, size)], strict=True))
    pack(raw, "train", names, lambda name: image_bytes(rng, "PNG", shapes[name], "L"))
    # one clean page occurs under up to four kinds of dirt
    texts = {(shape, k): image_bytes(rng, "PNG", shape, "L") for shape in set(shapes.values()) for k in range(size // 4 + 1)}
    pack(raw, "train_cleaned", names, lambda name: texts[shapes[name], int(name[:-4]) % (size // 4 + 1)])
    pack(raw, "test", tests, lambda name: image_bytes(rng, "PNG", (9, 4), "L"))
    ids = [f"{name[:-4]}_{row}_{column}" for name in tests for row in range(1, 5) for column in range(1, 10)]
    write_zipped_csv(pd.DataFrame({"id": ids, "value": 1}), raw / "sampleSubmission.csv.zip")


def pack(raw, folder, names, content):
    for name in names:
        write_files(raw / "packing", [name], partial(content, name))
    zip_folder(raw / "packing", raw / f"{folder}.zip", inside=f"{folder}/")
