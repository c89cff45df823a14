"""How long preparing a folder of many small images takes, and its disk use, compared with linking and copying the same files.

    python -m benchmarks.image_folders [--images 20000] [--bytes 2000] [--rounds 5]

Preparing links unchanged files, as it does with its own downloads (`--link` for others). The data has the layout of
histopathologic-cancer-detection: a table, one folder, a split by rows. All sides run on the same disk, in turn. The prepared
folder also contains the tables. Disk use is what `prepared/` adds to raw data that is kept (`--keep-raw`), in blocks, with links
counted once.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.results import Figure, benchmark
from benchmarks.timing import Spread, alternate, forget_peak, own_peak, ratio
from mlebench.preparation import prepare
from mlebench.registry import Registry

NAME = "histopathologic-cancer-detection"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--bytes", type=int, default=2_000, help="size of each image")
    parser.add_argument("--rounds", type=int, default=5)
    benchmark(measure, parser, "image_folders")


def measure(options: argparse.Namespace) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("MLEBENCH_DATA_DIR")) as name:
        folder = Path(name)
        raw = make_raw(folder / "raw", options.images, options.bytes)
        competition = Registry(folder / "data").get_competition(NAME)
        made = [folder / "links", folder / "copies", competition.prepared_dir]
        forget_peak()
        taken = alternate(
            {
                "link": lambda: each_file(raw, made[0], os.link),
                "copy": lambda: each_file(raw, made[1], shutil.copyfile),
                "prepare": lambda: prepare(competition, raw, mock=True, link=True),
            },
            options.rounds,
            clock=time.perf_counter,
            between=lambda: [shutil.rmtree(each, ignore_errors=True) for each in made],
        )
        prepare(competition, raw, mock=True, link=True)
        added = (blocks(raw, competition.prepared_dir) - blocks(raw)) / blocks(raw) * 100
        peak = own_peak()
    what, ours = f"preparing {options.images:,} images of {options.bytes:,} bytes", Spread.of(taken["prepare"])
    for other, goal in (("link", "at most 1.3"), ("copy", "at most 1")):
        times = taken[other]
        share = ratio(times, taken["prepare"])
        yield Figure(what, ours, "s", Spread.of(times), f"each file: {other}", share, goal, peak)
    yield Figure(f"{what}: disk beside raw data", Spread.of([added]), "%", goal="at most 5", peak=peak)


def make_raw(raw: Path, images: int, size: int) -> Path:
    rng = np.random.default_rng(0)
    names = [f"{number:040x}" for number in range(images)]
    (raw / "train").mkdir(parents=True)
    for name in names:
        (raw / "train" / f"{name}.tif").write_bytes(rng.bytes(size))
    pd.DataFrame({"id": names, "label": rng.integers(0, 2, images)}).to_csv(raw / "train_labels.csv", index=False)
    return raw


def each_file(source: Path, target: Path, work: Callable[[str, str], object]) -> None:
    """Apply an operation to each file below a folder, with the result in another folder."""
    for folder, _, names in os.walk(source):
        place = target / os.path.relpath(folder, source)
        place.mkdir(parents=True)
        for name in names:
            work(f"{folder}/{name}", f"{place}/{name}")


def blocks(*folders: Path) -> int:
    """Bytes on disk below some folders; a file with several links counts once."""
    found = [entry.lstat() for folder in folders for entry in (folder, *folder.rglob("*"))]
    return sum({(entry.st_dev, entry.st_ino): entry.st_blocks * 512 for entry in found}.values())


if __name__ == "__main__":
    main()
