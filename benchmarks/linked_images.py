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
from pathlib import Path

from benchmarks.image_folders import make_raw, seconds_of
from mlebench.data.preparation import prepare
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
            linked.append(seconds_of(lambda: link_all(raw, Path(folder) / "links")))
            prepared.append(seconds_of(lambda: prepare(competition, raw, mock=True)))
            added = blocks(competition.prepared_dir, but_not=raw) / blocks(raw)
            shutil.rmtree(Path(folder) / "links")
            shutil.rmtree(competition.prepared_dir)
    by_links, by_us = min(linked[1:]), min(prepared[1:])
    print(f"{arguments.images:,} images of {arguments.bytes:,} bytes, quickest of {arguments.rounds} rounds")
    print(f"os.link          {by_links:7.2f} s")
    print(f"mlebench prepare {by_us:7.2f} s, {by_us / by_links:.2f} of it (at most 1.3)")
    print(f"disk added       {100 * added:7.2f} % (under 5)")


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
