"""Time and peak memory of preparing large tables, made by the competitions' own mocks.

    python benchmarks/large_preparation.py new-york-city-taxi-fare-prediction [ID…] [--size 2000000] [--edition v1]

Each preparation runs in a process of its own, so that its peak is not that of the mock.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from mlebench._support.folders import folder_size
from mlebench.preparation import make_mock, prepare
from mlebench.registry import Registry

Result = TypeVar("Result")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="+")
    parser.add_argument("--size", type=int, default=2_000_000, help="rows of the mock")
    parser.add_argument("--edition", choices=("v1", "v2"), default="v1")
    arguments = parser.parse_args()
    for name in arguments.ids:
        with tempfile.TemporaryDirectory(dir=os.environ.get("MLEBENCH_DATA_DIR")) as folder:
            alone(mock_once, Path(folder), name, arguments.edition, arguments.size)
            size = folder_size(Path(folder) / "raw")
            seconds, peak = alone(prepare_once, Path(folder), name, arguments.edition)
        print(f"{name}: {arguments.size:,} rows, {size / 1e6:,.0f} MB raw: {seconds:,.0f} s, peak {peak / 1e6:,.0f} MB")


def alone(work: Callable[..., Result], *arguments: object) -> Result:
    """What `work` returns in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def mock_once(folder: Path, name: str, edition: str, size: int) -> None:
    make_mock(Registry(folder / "data", edition).get_competition(name), folder / "raw", size=size, seed=0)


def prepare_once(folder: Path, name: str, edition: str) -> tuple[float, int]:
    start = time.perf_counter()
    prepare(Registry(folder / "data", edition).get_competition(name), folder / "raw", mock=True)
    return time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
