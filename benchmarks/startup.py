"""How long read-only commands take, compared with starting Python with three light standard-library modules, in turn.

python -m benchmarks.startup [--runs 7]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.results import Figure, benchmark
from benchmarks.timing import Spread, Used, command

PLAIN = [sys.executable, "-c", "import argparse, json, pathlib"]
COMMANDS = {
    "--help": "",
    "list": "at most 250",
    "info spaceship-titanic": "at most 250",
    "status": "at most 250",
    "runs": "at most 250",
}
"""The goal for each, in milliseconds of processor time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    benchmark(measure, parser, "startup")


def measure(options: argparse.Namespace) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        # nothing is prepared, and there are no runs
        environment = {**os.environ, "MLEBENCH_DATA_DIR": f"{folder}/data"}
        (Path(folder) / "runs").mkdir()
        for words, goal in COMMANDS.items():
            ours, plain = [], []
            for number in range(options.runs + 1):
                used = command([sys.executable, "-m", "mlebench", *words.split()], env=environment, cwd=folder)
                bare = command(PLAIN, env=environment, cwd=folder)
                # the first of each warms the system's file cache
                if number:
                    ours.append(used)
                    plain.append(bare)
            peak = max(used.peak for used in ours)
            yield Figure(
                f"`mlebench {words}`", milliseconds(ours), "ms", milliseconds(plain), "bare Python", goal=goal, peak=peak
            )


def milliseconds(used: list[Used[int]]) -> Spread:
    return Spread.of([1000 * each.processor for each in used])


if __name__ == "__main__":
    main()
