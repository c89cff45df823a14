"""How long preparing large tables takes, against a plain pandas program that reads the table, splits it and writes the parts.

    python -m benchmarks.large_preparation [ID ...] [--size 500000] [--rounds 3] [--edition v1]

Raw downloads are made by the competitions' own mocks. Both sides take turns, each in a separate process; processor time and
memory are of the process and its children. The plain program does the least that must be done: `pandas.read_csv`,
`train_test_split`, `to_csv` of both parts. It shows what one core and a table in memory come to, not the same files.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

from benchmarks.results import Figure, benchmark
from benchmarks.timing import Spread, Used, alone, ratio
from mlebench._support.folders import folder_size
from mlebench.preparation import make_mock, prepare
from mlebench.registry import Registry

TABLES = {
    "new-york-city-taxi-fare-prediction": "train.csv",
    "jigsaw-unintended-bias-in-toxicity-classification": "train.csv",
    "tabular-playground-series-dec-2021": "train.csv",
    "ventilator-pressure-prediction": "train.csv",
}
"""The largest table of each raw download."""
DEFAULT = ("new-york-city-taxi-fare-prediction", "ventilator-pressure-prediction")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", metavar="ID", help=f"of {', '.join(TABLES)}; others are measured alone")
    parser.add_argument("--size", type=int, default=500_000, help="rows of the mock (default: 500000)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--edition", choices=("v1", "v2"), default="v1")
    benchmark(measure, parser, "large_preparation")


def measure(options: argparse.Namespace) -> Iterator[Figure]:
    for name in options.ids or DEFAULT:
        with tempfile.TemporaryDirectory(dir=os.environ.get("MLEBENCH_DATA_DIR")) as place:
            folder = Path(place)
            alone(mock_once, folder, name, options.edition, options.size)
            size = folder_size(folder / "raw")
            ours, plain = list[Used[None]](), list[Used[None]]()
            for _ in range(options.rounds):
                ours.append(alone(prepare_once, folder, name, options.edition))
                if name in TABLES:
                    plain.append(alone(split_plainly, folder, TABLES[name]))
        what = f"preparing {name}, {options.size:,} rows, {size / 1e6:,.0f} MB raw"
        yield from figures(what, ours, plain)


def figures(what: str, ours: list[Used[None]], plain: list[Used[None]]) -> Iterator[Figure]:
    """Wall and processor time; the goal is of wall time, as several cores should be used."""
    peak = max(used.peak for used in ours)
    for field, goal in (("wall", "at most 0.5"), ("processor", "")):
        taken, theirs = ([getattr(used, field) for used in side] for side in (ours, plain))
        limit = Spread.of(theirs) if theirs else None
        against = f"plain pandas ({max(used.peak for used in plain) / 1e6:,.0f} MB)" if plain else ""
        share = ratio(theirs, taken) if theirs else None
        yield Figure(f"{what}: {field} time", Spread.of(taken), "s", limit, against, share, goal if theirs else "", peak)


def mock_once(folder: Path, name: str, edition: str, size: int) -> None:
    make_mock(Registry(folder / "data", edition).get_competition(name), folder / "raw", size=size, seed=0)


def prepare_once(folder: Path, name: str, edition: str) -> None:
    competition = Registry(folder / "data", edition).get_competition(name)
    shutil.rmtree(competition.prepared_dir, ignore_errors=True)
    prepare(competition, folder / "raw", mock=True)


def split_plainly(folder: Path, table: str) -> None:
    """Read the table whole, split it and write both parts."""
    path = folder / "raw" / table
    if not path.is_file():
        (packed,) = [*path.parent.glob(f"{path.name}.zip"), *path.parent.glob(f"{path.stem}.zip")]
        zipfile.ZipFile(packed).extractall(path.parent / "unpacked")
        path = path.parent / "unpacked" / table
    target = folder / "plain"
    target.mkdir(exist_ok=True)
    train, test = train_test_split(pd.read_csv(path, float_precision="round_trip"), test_size=0.1, random_state=0)
    train.to_csv(target / "train.csv", index=False)
    test.to_csv(target / "test.csv", index=False)


if __name__ == "__main__":
    main()
