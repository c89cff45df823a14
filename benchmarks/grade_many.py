"""How long one command takes to grade some 225 submissions, with one process and with one per core, in turn.

    python -m benchmarks.grade_many [--competitions 75] [--rows 30000] [--rounds 3]

Every competition is a small user-defined regression; the 225 submissions are divided evenly, at least one each. The ideal is the
time of one process divided by the number of processes. Start-up, measured as the time to grade one submission, is excluded.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.results import Figure, benchmark
from benchmarks.timing import Spread, Used, command, ratio

SUBMISSIONS = 225
FACTS = """\
id: {name}
version: 1
title: {name}
split: dev
modality: tabular
task: regression
metric: {{name: RMSE, direction: minimize, best: 0.0}}
files: {{answers: private/answers.csv, sample_submission: public/s.csv, public: [s.csv], private: [answers.csv]}}
thresholds: {{gold: 0.1, silver: 0.2, bronze: 0.3, median: 0.5}}
"""
GRADE = """\
from sklearn.metrics import root_mean_squared_error

from grading import Grader, Real

grader = Grader(id="id", columns={"y": Real()}, metric=root_mean_squared_error)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--competitions", type=int, default=75)
    parser.add_argument("--rows", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    benchmark(measure, parser, "grade_many")


def measure(options: argparse.Namespace) -> Iterator[Figure]:
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        submissions = make(Path(folder), options.competitions, options.rows)
        first = submissions.with_name("first.jsonl")
        first.write_text(submissions.read_text().splitlines()[0] + "\n")
        count = len(submissions.read_text().splitlines())
        environment = os.environ | {"MLEBENCH_COMPETITIONS_PATH": f"{folder}/competitions", "MLEBENCH_DATA_DIR": f"{folder}/data"}
        start, alone, together = list[Used[int]](), list[Used[int]](), list[Used[int]]()
        for _ in range(options.rounds):
            start.append(grade(first, 1, environment))
            alone.append(grade(submissions, 1, environment))
            together.append(grade(submissions, cores, environment))
    ideal = [each.wall + (one.wall - each.wall) / cores for each, one in zip(start, alone, strict=True)]
    taken = [each.wall for each in together]
    what = f"grading {count} submissions of {options.rows:,} rows, {options.competitions} competitions"
    peak = max(each.peak for each in together)
    yield Figure(
        f"{what}, {cores} jobs", Spread.of(taken), "s", Spread.of(ideal), "ideal of what one job takes", ratio(ideal, taken),
        "at most 1.1" if cores > 1 else "", peak,
    )  # fmt: skip
    used = Spread.of([each.processor for each in alone])
    yield Figure(f"{what}, 1 job: processor time", used, "s", peak=max(each.peak for each in alone))
    once = Spread.of([each.processor for each in start])
    yield Figure("grading one submission by a command: processor time", once, "s", peak=max(each.peak for each in start))


def make(folder: Path, competitions: int, rows: int) -> Path:
    """Write competitions, answers and submissions; returns the list of submissions."""
    rng = np.random.default_rng(0)
    lines = []
    for number in range(competitions):
        name = f"bench-{number}"
        home = folder / "competitions" / name
        home.mkdir(parents=True)
        (home / "competition.yaml").write_text(FACTS.format(name=name))
        (home / "grade.py").write_text(GRADE)
        answers = folder / "data" / name / "prepared" / "private" / "answers.csv"
        answers.parent.mkdir(parents=True)
        answers.write_text(table(rng, rows))
        for attempt in range(max(1, SUBMISSIONS // competitions)):
            path = folder / f"{name}-{attempt}.csv"
            path.write_text(table(rng, rows))
            lines.append(f'{{"competition_id": "{name}", "submission_path": "{path}"}}\n')
    listed = folder / "submissions.jsonl"
    listed.write_text("".join(lines))
    return listed


def table(rng: np.random.Generator, rows: int) -> str:
    """A table of ids and values."""
    return "id,y\n" + "".join(f"{row},{value:.6f}\n" for row, value in enumerate(rng.random(rows)))


def grade(submissions: Path, jobs: int, environment: dict[str, str]) -> Used[int]:
    """Run the whole command, including the start of Python."""
    words = [
        sys.executable,
        "-m",
        "mlebench",
        "grade",
        submissions,
        "--jobs",
        str(jobs),
        "-o",
        submissions.parent / "out",
        "--json",
    ]
    return command([*map(str, words)], env=environment)


if __name__ == "__main__":
    main()
