"""Time of `mlebench --help` against starting Python with three light modules of the standard library, in turn, medians.

python benchmarks/startup.py [--runs 10]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

OURS = [sys.executable, "-m", "mlebench.cli.main", "--help"]
PLAIN = [sys.executable, "-c", "import argparse, json, pathlib"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    ours, plain = [], []
    for _ in range(runs):
        ours.append(seconds(OURS))
        plain.append(seconds(PLAIN))
    first, second = 1000 * statistics.median(ours), 1000 * statistics.median(plain)
    print(f"mlebench --help {first:.0f} ms, plain Python {second:.0f} ms, ratio {first / second:.2f} (median of {runs})")


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
