"""Time to read and grade a submission of every competition, made of its mock, with the time that parsing the csv alone takes.

    python benchmarks/grading_speed.py [--size 5000] [ID ...]

Rows differ: a mock of 5,000 rows makes a test set of 500 to 100,000 rows, as the competition has it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from mlebench.data.preparation import make_mock, prepare
from mlebench.registry import Registry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--size", type=int, default=5000, help="rows of the mock (default: 5000)")
    arguments = parser.parse_args()
    print("| competition | rows | grade | parse csv | rows a second |\n|---|---|---|---|---|")
    for name in arguments.ids or Registry().list_competition_ids():
        with tempfile.TemporaryDirectory() as folder:
            print(row(name, Path(folder), arguments.size), flush=True)


def row(name: str, folder: Path, size: int) -> str:
    competition = Registry(folder / "data").get_competition(name)
    make_mock(competition, folder / "raw", size=size, seed=0)
    prepare(competition, folder / "raw", mock=True)
    answers, path = competition.answers_table, folder / "submission.csv"
    competition.grader.perfect_submission(answers).to_csv(path, index=False)
    rows = len(pd.read_csv(path))
    grade = seconds(lambda: competition.grader(competition.grader.read(path, answers), answers))
    parse = seconds(lambda: pd.read_csv(path))
    return f"| {name} | {rows:,} | {1000 * grade:.0f} ms | {1000 * parse:.0f} ms | {rows / grade:,.0f} |"


def seconds(work: Callable[[], Any]) -> float:
    """The faster of two runs; the first also pays for imports."""
    times = []
    for _ in range(2):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
