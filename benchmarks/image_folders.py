"""Time to prepare a folder of many small images, against plain `shutil.copy` of the same files.

    python benchmarks/image_folders.py [--images 100000] [--bytes 2000]

The images are those of histopathologic-cancer-detection in shape: a table, one folder, a split by rows. Both sides run on the
same disk, one after the other; the prepared folder also holds the tables, which the copy does not.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.preparation import prepare
from mlebench.registry import Registry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--bytes", type=int, default=2_000, help="size of each image")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("MLEBENCH_DATA_DIR")) as folder:
        raw = make_raw(Path(folder) / "raw", arguments.images, arguments.bytes)
        copied = seconds_of(lambda: copy_all(raw / "train", Path(folder) / "copies"))
        competition = Registry(Path(folder) / "data").get_competition("histopathologic-cancer-detection")
        prepared = seconds_of(lambda: prepare(competition, raw, mock=True))
    print(f"{arguments.images:,} images of {arguments.bytes:,} bytes")
    print(f"shutil.copy      {copied:7.2f} s")
    print(f"mlebench prepare {prepared:7.2f} s, {prepared / copied:.2f} of it")


def make_raw(raw: Path, images: int, size: int) -> Path:
    rng = np.random.default_rng(0)
    names = [f"{number:040x}" for number in range(images)]
    (raw / "train").mkdir(parents=True)
    for name in names:
        (raw / "train" / f"{name}.tif").write_bytes(rng.bytes(size))
    pd.DataFrame({"id": names, "label": rng.integers(0, 2, images)}).to_csv(raw / "train_labels.csv", index=False)
    return raw


def copy_all(source: Path, target: Path) -> None:
    target.mkdir()
    for path in source.iterdir():
        shutil.copy(path, target / path.name)


def seconds_of(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
