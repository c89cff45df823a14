"""Reference methods of generated data: what they score on the very instance that was prepared.

A competition's `references.py` has one function `references(public, rng)`, which yields names and submissions. It sees the public
files alone, like any competitor.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench.registry.keys import MEASURED_LEADERBOARD

if TYPE_CHECKING:
    import pandas as pd

    from mlebench.registry import Competition


def measure_references(competition: Competition, prepared: Path) -> None:
    """Write the leaderboard of the cheap reference methods next to the answers in the folder `prepared`."""
    answers = competition.grader.read(prepared / competition.facts.files.answers)
    submissions = competition.references_fn(prepared / "public", competition.edition.rng("references"))
    board = rank(competition, submissions, answers)
    write_leaderboard(prepared / "private" / MEASURED_LEADERBOARD, board)


def rank(competition: Competition, submissions: Iterable[tuple[str, pd.DataFrame]], answers: pd.DataFrame) -> dict[str, float]:
    """Score by name, rounded to 5 decimals, best first."""
    scores = {name: round(competition.grader.score(submission, answers), 5) for name, submission in submissions}
    return dict(sorted(scores.items(), key=lambda entry: entry[1], reverse=not competition.is_lower_better))


def write_leaderboard(path: Path, board: dict[str, float]) -> None:
    """Write a leaderboard with the columns `name` and `score`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("name", "score"), *board.items()])
