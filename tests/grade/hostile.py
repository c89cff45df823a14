"""A competition of the test's own whose grader does what the first cell of a submission says."""

from __future__ import annotations

from pathlib import Path

FACTS = """\
id: toy
version: 1
title: Toy
split: own
modality: tabular
task: regression
metric: {name: any, direction: minimize, best: 0.0}
files: {answers: private/answers.csv, sample_submission: public/s.csv, public: [s.csv], private: [answers.csv]}
thresholds: {gold: 0.1, silver: 0.5, bronze: 1.0, median: 2.0}
"""
GRADE = """\
import os
import signal
import sys
import time
from pathlib import Path

from grading import Grader, InvalidSubmission, Text

HERE = Path(__file__).parent


def note(word):
    with (HERE.parent.parent / "notes").open("a") as file:
        file.write(f"{word} {os.getpid()}\\n")


def obey(submission, known):
    word = submission["y"][0].split()[0]
    note(word)
    if word == "spin":
        while True:
            pass
    if word == "spin-in-c":
        sum(iter(int, 1))
    if word == "wait":
        while True:
            time.sleep(600)
    if word == "grow":
        kept = []
        while True:
            kept.append(bytearray(2**24))
    if word == "ask-for-much":
        bytearray(2**50)
    if word == "swell":
        sys.modules["swollen"] = bytearray(2**30)
    if word == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "crash":
        os.abort()
    if word == "die-once" and not (HERE / "died").exists():
        (HERE / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "print":
        print("printed \\x1b[31m")
    if word == "fail":
        raise KeyError("the answer is 42")
    if word == "environment":
        raise InvalidSubmission(" ".join(sorted(os.environ)))
    return submission, known


def metric(truth, prediction):
    return float(prediction[0].split()[-1]) if prediction[0][-1].isdigit() else 0.0


def read(path):
    import pandas as pd

    note("read")
    return pd.read_csv(path, dtype=str)


grader = Grader(id="id", columns={"y": Text()}, metric=metric, adapt=obey, read_answers=read)
"""


def make_toy(folder: Path) -> tuple[Path, Path]:
    """Returns the folders for `MLEBENCH_COMPETITIONS_PATH` and of the data."""
    home = folder / "competitions" / "toy"
    home.mkdir(parents=True)
    (home / "competition.yaml").write_text(FACTS)
    (home / "grade.py").write_text(GRADE)
    private, public = (folder / "data" / "toy" / "prepared" / name for name in ("private", "public"))
    private.mkdir(parents=True)
    public.mkdir()
    (private / "answers.csv").write_text("id,y\na,secret-answer\n")
    (public / "s.csv").write_text("id,y\na,fine\n")
    return folder / "competitions", folder / "data"


def write_order(path: Path, words: str) -> Path:
    """A submission that makes the grader do something; a number at the end is the score."""
    path.write_text(f"id,y\na,{words}\n")
    return path


def notes(folder: Path) -> list[tuple[str, int]]:
    """What the grader did so far, each with the process."""
    path = folder / "notes"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(word, int(pid)) for word, pid in map(str.split, lines)]
