"""Published results on edition v1, to set a figure of one's own beside."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files

SOURCE = "public MLE-bench leaderboard, as of 2026-02 (it takes no new entries since 2026-04-24)"
SPLIT_NAMES = ("low", "medium", "high", "all")


@dataclass(frozen=True)
class Percentage:
    """A mean over seeds with its standard error, 0 to 100."""

    mean: float
    standard_error: float


@dataclass(frozen=True)
class PublishedResult:
    """One row of the leaderboard: any-medal percentages by split."""

    agent: str
    models: str
    any_medal: Mapping[str, Percentage]
    hours: int
    """Time limit of a run."""
    date: date
    uses_known_leaks: bool
    """Whether the entry is marked as profiting from answers that edition v1 leaks."""
    source_available: bool
    reports_available: bool
    padded: bool
    """Whether incomplete seeds were filled with failures."""


def published_results() -> list[PublishedResult]:
    """All published results, best first."""
    text = files("mlebench.reports").joinpath("published_results.csv").read_text(encoding="utf-8")
    return [_parse(row) for row in csv.DictReader(text.splitlines())]


def _parse(row: Mapping[str, str]) -> PublishedResult:
    return PublishedResult(
        agent=row["agent"],
        models=row["models"],
        any_medal={name: Percentage(float(row[name]), float(row[f"{name}_standard_error"])) for name in SPLIT_NAMES},
        hours=int(row["hours"]),
        date=date.fromisoformat(row["date"]),
        uses_known_leaks=row["uses_known_leaks"] == "yes",
        source_available=row["source_available"] == "yes",
        reports_available=row["reports_available"] == "yes",
        padded=row["padded"] == "yes",
    )
