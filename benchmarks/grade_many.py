"""How much faster two processes grade some 225 submissions than one, and how often answers are read.

    python benchmarks/grade_many.py [--competitions 75] [--rows 30000]

Every competition is a tiny regression of the user's own with as many submissions as go into 225, at least one.
Prints a line per number of jobs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

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
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        submissions = make(Path(folder), options.competitions, options.rows)
        count = len(submissions.read_text().splitlines())
        environment = os.environ | {"MLEBENCH_COMPETITIONS_PATH": f"{folder}/competitions", "MLEBENCH_DATA_DIR": f"{folder}/data"}
        seconds = {jobs: grade(submissions, jobs, environment) for jobs in (1, 2)}
        for jobs, taken in seconds.items():
            print(f"{count} submissions, {options.competitions} competitions, {jobs} jobs: {taken:.1f} s")
        print(f"speed-up {seconds[1] / seconds[2]:.2f}")


def make(folder: Path, competitions: int, rows: int) -> Path:
    """Competitions, answers and submissions; returns the list of submissions."""
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


def grade(submissions: Path, jobs: int, environment: dict[str, str]) -> float:
    """Seconds of the whole command, the start of Python included."""
    command = [
        sys.executable,
        "-m",
        "mlebench.cli.main",
        "grade",
        str(submissions),
        "--jobs",
        str(jobs),
        "-o",
        str(submissions.parent / "out"),
    ]
    started = time.perf_counter()
    subprocess.run([*command, "--json"], env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
