"""How long an audit takes to read a large public folder: its files, their metadata, and its tables.

    python -m benchmarks.audit [--files 300000] [--rows 2000000] [--jobs N]

The files are small pictures (PNG with a comment): plain ones, members of a zip, members of a packed tar. All are listed, and
their metadata is read. The table has eight columns, as csv and as parquet, and is read completely with every cell as text. Each
figure comes from a separate process, so that peak memory is that of the work.
"""

from __future__ import annotations

import argparse
import io
import os
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.results import Figure, benchmark
from benchmarks.timing import Spread, alone
from mlebench.preparation.audit.seen.listing import Seen
from mlebench.preparation.audit.seen.said import said_by
from mlebench.preparation.audit.seen.tables import tables_of

_FOLDERS = 300
_WORD = "class 3"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=300_000)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    benchmark(measure, parser, "audit")


def measure(options: argparse.Namespace) -> Iterator[Figure]:
    for kind, make in {"plain files": plain, "members of a zip": zipped, "members of a packed tar": tarred}.items():
        with tempfile.TemporaryDirectory(dir=os.environ.get("MLEBENCH_DATA_DIR")) as name:
            make(Path(name), options.files)
            what = f"{options.files:,} {kind}"
            yield figure(f"listing {what}", listed, Path(name), options.jobs, goal="at most 60")
            yield figure(f"what {what} say of themselves", said, Path(name), options.jobs, goal="at most 180")
    for kind in ("csv", "parquet"):
        with tempfile.TemporaryDirectory(dir=os.environ.get("MLEBENCH_DATA_DIR")) as name:
            table(Path(name), options.rows, kind)
            yield figure(f"reading {options.rows:,} rows of eight columns from {kind} as text", read, Path(name), options.rows)


def figure(what: str, work: Callable[[Path, int], None], folder: Path, number: int, goal: str = "") -> Figure:
    used = alone(work, folder, number)
    return Figure(what, Spread.of([used.wall]), "s", goal=goal, peak=used.peak)


def listed(folder: Path, jobs: int) -> None:
    seen = Seen(folder, jobs=jobs)
    assert len(seen.files) > 1 and not seen.troubles


def said(folder: Path, jobs: int) -> None:
    seen = Seen(folder, jobs=jobs)
    told = sum(answers.get("png.text.Comment") == _WORD for _, answers in said_by(seen.files, seen, jobs=jobs))
    assert told >= len(seen.files) - 1


def read(folder: Path, rows: int) -> None:
    assert sum(len(chunk) for table in tables_of(Seen(folder)) for chunk in table.chunks()) == rows


def picture() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    pixels = np.random.default_rng(0).integers(0, 256, (32, 97), dtype=np.uint8)
    pixels[:, 0] = 0
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            chunk(b"IHDR", struct.pack(">2I5B", 32, 32, 8, 2, 0, 0, 0)),
            chunk(b"tEXt", b"Comment\0" + _WORD.encode()),
            chunk(b"IDAT", zlib.compress(pixels.tobytes())),
            chunk(b"IEND", b""),
        ]
    )


def names(count: int) -> Iterator[str]:
    return (f"train/{number % _FOLDERS:03}/{number:07}.png" for number in range(count))


def plain(folder: Path, count: int) -> None:
    content = picture()
    for number in range(_FOLDERS):
        (folder / f"train/{number:03}").mkdir(parents=True)
    for name in names(count):
        (folder / name).write_bytes(content)


def zipped(folder: Path, count: int) -> None:
    content = picture()
    with zipfile.ZipFile(folder / "train.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for name in names(count):
            packed.writestr(name, content)


def tarred(folder: Path, count: int) -> None:
    content = picture()
    with tarfile.open(folder / "train.tar.gz", "w:gz", compresslevel=1) as packed:
        for name in names(count):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))


def table(folder: Path, rows: int, kind: str) -> None:
    rng = np.random.default_rng(0)
    columns = {"key": rng.integers(0, 10**9, rows), "at": "2013-01-01 00:00:00 UTC", "count": rng.integers(1, 6, rows)}
    numbers = {name: rng.random(rows) for name in ("fare", "lon", "lat", "to_lon", "to_lat")}
    made = pd.DataFrame(columns | numbers)
    if kind == "csv":
        made.to_csv(folder / "table.csv", index=False)
    else:
        made.to_parquet(folder / "table.parquet")


if __name__ == "__main__":
    main()
