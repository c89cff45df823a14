"""How much processor time a command takes to prepare each competition of the research suite with its leaderboards.

python -m benchmarks.research_suite [ID ...] [--rounds 1]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from benchmarks.results import Figure, benchmark
from benchmarks.timing import Spread, command
from mlebench.registry import Registry

KEY = "published"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", metavar="ID", help="by default all of the suite")
    parser.add_argument("--rounds", type=int, default=1)
    benchmark(measure, parser, "research_suite")


def measure(options: argparse.Namespace) -> Iterator[Figure]:
    for name in options.ids or Registry().list_competition_ids("research"):
        used = []
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as folder:
                words = ["prepare", name, "--split-key", KEY, "--data-dir", folder, "--jobs", "1"]
                used.append(command([sys.executable, "-m", "mlebench", *words], stderr=subprocess.DEVNULL))
        seconds = Spread.of([each.processor for each in used])
        yield Figure(
            f"preparing {name}", seconds, "s", against="processor time", goal="at most 30", peak=max(each.peak for each in used)
        )


if __name__ == "__main__":
    main()
