"""Published results on edition v1, to set a figure of one's own next to."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files

SOURCE = (
    "public MLE-bench leaderboard, as of 2026-03 (closed to new entries since 2026-04-24); later claims are "
    "marked as not on the board and are unverified"
)
SPLIT_NAMES = ("low", "medium", "high", "all")


@dataclass(frozen=True)
class Percentage:
    """A mean over seeds with its standard error, 0 to 100."""

    mean: float
    standard_error: float | None
    """None if the claim does not state it."""


@dataclass(frozen=True)
class PublishedResult:
    """One row of the leaderboard, or a result claimed elsewhere since it was paused: any-medal percentages by split."""

    agent: str
    models: str | None
    """None if it is not stated."""
    any_medal: Mapping[str, Percentage | None]
    """By each of `SPLIT_NAMES`; None if the split was not run."""
    hours: int | None
    """Time limit of a run."""
    date: date
    uses_known_leaks: bool | None
    """Whether the entry is marked as profiting from answers that edition v1 leaks; None if nobody looked."""
    source_available: bool | None
    reports_available: bool | None
    padded: bool | None
    """Whether incomplete seeds were filled with failures."""
    on_board: bool
    """Whether it is on the public leaderboard; a claim that is not was checked by nobody."""
    source: str
    """Where it is claimed, as a URL."""


def published_results() -> list[PublishedResult]:
    """All published results: those of the leaderboard, then those claimed since; both best first."""
    text = files("mlebench.reports").joinpath("published_results.csv").read_text(encoding="utf-8")
    return [_parse(row) for row in csv.DictReader(text.splitlines())]


def _parse(row: Mapping[str, str]) -> PublishedResult:
    return PublishedResult(
        agent=row["agent"],
        models=row["models"] or None,
        any_medal={name: _percentage(row[name], row[f"{name}_standard_error"]) for name in SPLIT_NAMES},
        hours=int(row["hours"]) if row["hours"] else None,
        date=date.fromisoformat(row["date"]),
        uses_known_leaks=_flag(row["uses_known_leaks"]),
        source_available=_flag(row["source_available"]),
        reports_available=_flag(row["reports_available"]),
        padded=_flag(row["padded"]),
        on_board=row["on_board"] == "yes",
        source=row["source"],
    )


def _percentage(mean: str, standard_error: str) -> Percentage | None:
    return Percentage(float(mean), float(standard_error) if standard_error else None) if mean else None


def _flag(word: str) -> bool | None:
    return {"yes": True, "no": False}.get(word)
