"""What is known of a competition before its files are looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where raw data comes from, and what was said about it there.

    Everything in it may come from a stranger's web page: it is text to be quoted, never code.
    """

    id: str
    title: str
    source: Literal["kaggle", "folder"]
    pages: Mapping[str, str] = field(default_factory=dict)
    """Markdown by the name of the page (`Description`, `Evaluation`, `Data Description`, …)."""
    metric: str | None = None
    """The metric's name as Kaggle's facts or the user give it."""
    target: str | None = None
    """The column to predict, where the user names it."""
    year: int | None = None
    is_code_competition: bool = False
    awards_medals: bool = False
    teams: int = 0
    """Number of teams; 0 if unknown."""
    board: Sequence[float] = ()
    """Scores of the whole private leaderboard, best first; empty where there is none."""
    download_bytes: int | None = None
