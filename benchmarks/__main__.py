"""`python -m benchmarks` (`make bench`) runs the benchmarks one after the other, each in a separate process.

    python -m benchmarks [--results FILE] [NAME ...]        # startup grading_speed grade_many …

Their figures are kept in `benchmarks/results.json`, from which the tables of docs/performance.md are generated. Without names,
only the short benchmarks run; the page lists the others.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import results

ARGUMENTS: dict[str, list[str]] = {
    "startup": [],
    "grading_speed": ["--most-cells", "2000000", "--seconds", "1.5"],
    "small_submissions": [],
    "grade_many": ["--rounds", "2"],
    "large_preparation": ["--rounds", "1"],
    "image_folders": ["--images", "10000", "--rounds", "3"],
    "audit": ["--files", "20000", "--rows", "200000"],
    "run_groups": ["--runs", "50", "--gpus", "64"],
}
"""What runs by default, with smaller sizes for benchmarks that take long."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"by default {', '.join(ARGUMENTS)}")
    parser.add_argument("--results", type=Path, default=results.RESULTS, metavar="FILE", help="(default: %(default)s)")
    options = parser.parse_args()
    failed, started = [], time.monotonic()
    for name in options.names or ARGUMENTS:
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", "--results", str(options.results)]
        if subprocess.run([*command, *ARGUMENTS.get(name, [])], cwd=results.ROOT).returncode != 0:
            failed.append(name)
    if options.results == results.RESULTS:
        results.main()
    print(f"all took {time.monotonic() - started:.0f} s")
    if failed:
        print(f"failed, with the figures up to then: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
