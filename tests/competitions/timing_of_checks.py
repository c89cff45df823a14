"""Whether the time of a check distinguishes a perfect submission from a wrong one of the same form.

    python -m tests.competitions.timing_of_checks --calls 200 --competition tgs-salt-identification-challenge

Both submissions of each competition and edition are checked `--calls` times, in random order. The difference of the mean
logarithms of their times is held against those of shuffled labels; over 82 competitions the smallest p-value of nothing but
chance is about 0.01. Times are those of the processor, which other work on the machine disturbs less. Prints a line for each
competition, and those of the smallest p-values once more at the end.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.registry import SPLITS, Competition, Registry
from tests.cases import Cases
from tests.competitions.wrong_submissions import wrong_submission

SHUFFLES = 10_000


def seconds_of_checks(competition: Competition, calls: int, folder: Path, rng: np.random.Generator) -> np.ndarray:
    """Seconds of each check, shape (2, calls): of the perfect submission and of a wrong one."""
    grader, answers = competition.grader, competition.answers_table
    paths = [folder / "perfect.csv", folder / "wrong.csv"]
    grader.perfect_submission(answers).to_csv(paths[0], index=False)
    best = pd.read_csv(paths[0], dtype=str, keep_default_na=False)
    best.to_csv(paths[0], index=False)
    wrong_submission(competition.id, grader, answers, best).to_csv(paths[1], index=False)
    for path in paths:
        grader.check_file(path, answers)
    seconds = np.empty((2, calls))
    for call in range(calls):
        for which in rng.permutation(2):
            begun = time.process_time()
            grader.check_file(paths[which], answers)
            seconds[which, call] = time.process_time() - begun
    return seconds


def p_value(seconds: np.ndarray, rng: np.random.Generator) -> float:
    """Share of shuffles of each pair's labels whose means differ at least as much."""
    apart = np.subtract(*np.log(seconds))
    signs = rng.choice([-1.0, 1.0], (SHUFFLES, len(apart)))
    at_least = np.abs(signs @ apart) >= abs(apart.sum()) * (1 - 1e-12)
    return float((1 + at_least.sum()) / (1 + SHUFFLES))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.competitions.timing_of_checks", description=__doc__.split("\n")[0])
    parser.add_argument("--calls", type=int, default=200, help="checks of each submission")
    parser.add_argument("--size", type=int, default=120, help="rows of the mock data")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--competition", action="append", metavar="ID", help="only this one; may be given several times")
    parser.add_argument("--edition", choices=("v1", "v2"), default="v1")
    parser.add_argument("--cases", type=Path, help="folder of the mock data, kept between runs")
    options = parser.parse_args()
    names = options.competition or [name for split in SPLITS for name in Registry().list_competition_ids(split) if split != "all"]
    rng = np.random.default_rng(options.seed)
    found = []
    with tempfile.TemporaryDirectory(prefix="mlebench-timing-") as scratch:
        cases = Cases(options.cases or Path(scratch) / "cases")
        for name in dict.fromkeys(names):
            competition = cases.prepared(name, options.edition, options.size)
            seconds = seconds_of_checks(competition, options.calls, Path(scratch), rng)
            chance, (perfect, wrong) = p_value(seconds, rng), 1000 * np.exp(np.log(seconds).mean(axis=1))
            found.append(f"p = {chance:.4f}  perfect {perfect:7.2f} ms, wrong {wrong:7.2f} ms  {name} {options.edition}")
            print(found[-1], flush=True)
    print("\nThe smallest:", *sorted(found)[:5], sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
