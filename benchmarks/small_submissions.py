"""How long a long-lived program takes to grade small submissions, beyond the metric; training an agent on its scores does this.

python -m benchmarks.small_submissions [--rows 100 1000] [--rounds 30]

`grade_csv` produces the whole report; `score_file` is only the grader, with the answers parsed; the metric is called on arrays.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.metrics import accuracy_score

import mlebench
from benchmarks.noise import noisy_submission
from benchmarks.results import Figure, benchmark
from benchmarks.timing import Spread, alternate, forget_peak, own_peak
from mlebench.preparation import make_mock, prepare
from mlebench.registry import Registry

NAME = "spaceship-titanic"
TEST_SHARE = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 1000], help="of a submission (default: 100 1000)")
    parser.add_argument("--rounds", type=int, default=30)
    benchmark(measure, parser, "small_submissions")


def measure(options: argparse.Namespace) -> Iterator[Figure]:
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            yield from of_size(Path(folder), rows, options.rounds)


def of_size(folder: Path, rows: int, rounds: int) -> Iterator[Figure]:
    competition = Registry(folder / "data", "v1").get_competition(NAME)
    make_mock(competition, folder / "raw", size=round(rows / TEST_SHARE), seed=0)
    prepare(competition, folder / "raw", mock=True)
    answers = competition.answers_table
    submission = noisy_submission(competition.grader, answers, np.random.default_rng(0))
    path = folder / "submission.csv"
    submission.to_csv(path, index=False)
    truth, guess = answers["Transported"].to_numpy(dtype=bool), submission["Transported"].to_numpy(dtype=bool)
    ready = competition.grader.prepare(answers)
    forget_peak()
    taken = alternate(
        {
            "metric": lambda: accuracy_score(truth, guess),
            "grade_csv": lambda: mlebench.grade_csv(path, competition),
            "score_file": lambda: competition.grader.score_file(path, ready),
        },
        rounds,
    )
    metric = taken.pop("metric")
    for name, seconds in taken.items():
        beyond = [1000 * (each - least) for each, least in zip(seconds, metric, strict=True)]
        what = f"`{name}` of {len(submission):,} rows in a program that lives on, beyond the metric"
        milliseconds = Spread.of([1000 * each for each in metric])
        yield Figure(what, Spread.of(beyond), "ms", milliseconds, "the metric", goal="at most 3", peak=own_peak())


if __name__ == "__main__":
    main()
