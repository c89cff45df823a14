"""A leaderboard for a competition that has none: the scores of reference methods, fitted on its public data."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from grading.medals import Thresholds
from grading.printable import printable
from grading.wording import counted
from mlebench._support.files import write_text
from mlebench.agents import get_agent
from mlebench.errors import WorkFailed
from mlebench.grade import grade_csv, read_answers
from mlebench.registry import Competition

FEWEST = 5
"""Rows below which gold, silver and bronze would be one threshold."""
_CONSTANTS = ("sample submission", "mean of each target", "median or most frequent class")
"""Methods that look at no row."""
_SECONDS = 3600.0
_AGENT, _PROGRAM, _LISTED = "baseline", "baseline.reference", "listed.json"
_KEPT = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR")
"""Variables that Python needs; no secret is among them."""


class Reference(NamedTuple):
    """A row of a board."""

    name: str
    score: float


def reference_board(
    competition: Competition, *, seconds: float = _SECONDS, left_out: Callable[[str, str], object] | None = None
) -> list[Reference]:
    """Score reference methods, from a constant to gradient boosting, on a prepared competition.

    The methods see what an agent sees, and the competition's own grader scores them. The same data gives the same board.

    Args:
        competition: the competition, prepared.
        seconds: how long the methods may take together.
        left_out: gets the name of each method that has no row, and why.

    Returns:
        The rows, best first; of methods that submit the same the simplest one.

    Raises:
        NotPrepared: it is not prepared.
        WorkFailed: the methods could not be fitted at all, took too long, or their scores make no sensible thresholds.
    """
    tell = left_out or _nobody
    # what is not prepared is said before minutes of fitting
    read_answers(competition)
    found: list[Reference] = []
    seen: dict[bytes, str] = {}
    with tempfile.TemporaryDirectory(prefix="mlebench-board-") as folder:
        for name, path in _submissions(competition, Path(folder), seconds, tell):
            content = path.read_bytes()
            if content in seen:
                tell(name, f"it submits the same as {seen[content]}")
                continue
            seen[content] = name
            report = grade_csv(path, competition)
            if report.score is None:
                tell(name, report.error or "its submission has no score")
            else:
                found.append(Reference(name, report.score))
    for rows in (found, _first_of_each_score(found)):
        if _makes_medals(rows, lower_is_better=competition.is_lower_better):
            return sorted(rows, key=lambda row: row.score, reverse=not competition.is_lower_better)
    raise WorkFailed(
        f"{competition.id}: the scores of {counted(len(found), 'reference method')} are too alike for medals; "
        "write `leaderboard.csv` (`name,score`) or `thresholds` in competition.yaml by hand"
    )


def _first_of_each_score(rows: Sequence[Reference]) -> list[Reference]:
    return list({row.score: row for row in reversed(rows)}.values())


def _makes_medals(rows: Sequence[Reference], *, lower_is_better: bool) -> bool:
    """Whether Kaggle's places on the board are worth something: bronze is better than every constant, and gold than bronze."""
    if len(rows) < FEWEST:
        return False
    thresholds = Thresholds.from_leaderboard([row.score for row in rows], lower_is_better=lower_is_better)
    constant = [row.score for row in rows if row.name in _CONSTANTS]
    better = not thresholds.reaches(thresholds.bronze, thresholds.gold)
    return better and thresholds.medal(min(constant) if lower_is_better else max(constant)) is None


def write_board(rows: Sequence[Reference], folder: Path) -> Path:
    """Write `leaderboard.csv` into a competition's folder.

    Args:
        rows: best first.
        folder: the folder with `competition.yaml`.

    Returns:
        The file.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(Reference._fields)
    table.writerows((row.name, f"{row.score:.5f}") for row in rows)
    path = folder / "leaderboard.csv"
    write_text(path, text.getvalue())
    return path


def _nobody(name: str, why: str) -> None:
    """Keep it to oneself."""


def _submissions(
    competition: Competition, folder: Path, seconds: float, tell: Callable[[str, str], object]
) -> list[tuple[str, Path]]:
    """A submission of each method, the simplest first."""
    agent = get_agent(_AGENT).directory
    try:
        done = subprocess.run(
            [sys.executable, "-m", _PROGRAM, f"out={folder}"],
            env=_environment(agent, competition),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise WorkFailed(
            f"{competition.id}: the reference methods were not done after {seconds:.0f} s; "
            "write `leaderboard.csv` (`name,score`) by hand"
        ) from None
    listed = folder / _LISTED
    if done.returncode or not listed.is_file():
        last = done.stdout.strip().rpartition("\n")[2]
        raise WorkFailed(f"{competition.id}: the reference methods failed: {printable(last, 300)}")
    content = json.loads(listed.read_text(encoding="utf-8"))
    for name, why in content["left_out"].items():
        tell(name, printable(why, 300))
    return [(name, folder / f"{number}.csv") for number, name in content["submitted"].items()]


def _environment(agent: Path, competition: Competition) -> Mapping[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        "PYTHONPATH": str(agent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "ignore",
        # sums of several threads depend on how many there are
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "DATA_DIR": str(competition.public_dir),
    }
