"""Time and disk that preparing 20,000 images takes, against hard-linking the same files.

    python benchmarks/linked_images.py [--images 20000] [--bytes 2000] [--rounds 5]

Both sides run on the same disk, in turn, after a round that only warms up; the quickest rounds are compared, as others show what
else the machine did. The prepared folder also holds the tables, which the links do not. Disk is what `prepared/` adds beside raw
data that is kept (`--keep-raw`), in blocks, links counted once.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.image_folders import make_raw
from mlebench.preparation import prepare
from mlebench.registry import Registry

NAME = "histopathologic-cancer-detection"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--bytes", type=int, default=2_000, help="size of each image")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("MLEBENCH_DATA_DIR")) as folder:
        raw = make_raw(Path(folder) / "raw", arguments.images, arguments.bytes)
        competition = Registry(Path(folder) / "data").get_competition(NAME)
        linked, prepared = [], []
        for _ in range(arguments.rounds + 1):
            linked.append(timed(lambda: link_all(raw, Path(folder) / "links")))
            prepared.append(timed(lambda: prepare(competition, raw, mock=True)))
            added = blocks(competition.prepared_dir, but_not=raw) / blocks(raw)
            shutil.rmtree(Path(folder) / "links")
            shutil.rmtree(competition.prepared_dir)
    print(f"{arguments.images:,} images of {arguments.bytes:,} bytes, quickest of {arguments.rounds} rounds: wall, CPU")
    links, ours = quickest(linked[1:]), quickest(prepared[1:])
    print(f"os.link          {links.wall:7.2f} s  {links.cpu:7.2f} s")
    print(f"mlebench prepare {ours.wall:7.2f} s  {ours.cpu:7.2f} s")
    print(f"ratio            {ours.wall / links.wall:7.2f}    {ours.cpu / links.cpu:7.2f}    (at most 1.3)")
    print(f"disk added       {100 * added:7.2f} % (under 5)")


class Seconds(NamedTuple):
    wall: float
    cpu: float
    """Of this process, in Python and in the kernel."""


def timed(work: Callable[[], object]) -> Seconds:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def quickest(rounds: list[Seconds]) -> Seconds:
    return Seconds(min(each.wall for each in rounds), min(each.cpu for each in rounds))


def link_all(source: Path, target: Path) -> None:
    """What a careful `cp --link` does in one process."""
    for folder, _, names in os.walk(source):
        place = target / os.path.relpath(folder, source)
        place.mkdir(parents=True)
        for name in names:
            os.link(f"{folder}/{name}", f"{place}/{name}")


def blocks(folder: Path, but_not: Path | None = None) -> int:
    """Bytes on disk below a folder, files that `but_not` holds too left out."""
    known = {entry.stat().st_ino for entry in but_not.rglob("*")} if but_not else set()
    found = {entry.stat().st_ino: entry.stat().st_blocks * 512 for entry in [folder, *folder.rglob("*")]}
    return sum(size for inode, size in found.items() if inode not in known)


if __name__ == "__main__":
    main()
