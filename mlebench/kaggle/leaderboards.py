"""The whole private leaderboard of a competition, checked and kept in the data directory."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlebench._support.files import write_json, write_text
from mlebench.errors import UsageError, WorkFailed
from mlebench.kaggle.patience import Patience

if TYPE_CHECKING:
    from mlebench.kaggle.client import KaggleService
    from mlebench.kaggle.transfer import Transfer
    from mlebench.registry import Competition

_NOTE = "leaderboard.json"


@dataclass(frozen=True)
class BoardRow:
    """One team."""

    team_id: int
    team: str
    submitted: str
    score: float
    """NaN where the team has none."""


@dataclass(frozen=True)
class BoardNote:
    """Where a kept leaderboard comes from."""

    fetched_at: str
    teams: int
    """Teams that Kaggle counts."""
    scored: int
    """Teams with a score: the rows of the file."""

    @classmethod
    def read(cls, competition: Competition) -> BoardNote | None:
        """The note next to a competition's kept leaderboard."""
        try:
            return cls(**json.loads((competition.root / _NOTE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def refresh_leaderboard(competition: Competition, transfer: Transfer | None = None) -> BoardNote:
    """Get the whole private leaderboard from Kaggle and keep it as `leaderboard.csv` in the competition's data.

    The downloadable file is the public board, so the private one is read page by page. A board that was kept before stays if
    the new one is refused.

    Raises:
        UsageError: without credentials, or for a competition that is not on Kaggle.
        WorkFailed: if the board is not whole and in order.
    """
    from mlebench.kaggle.client import KaggleService
    from mlebench.kaggle.transfer import Transfer

    if competition.facts.kaggle is None:
        raise UsageError(f"{competition.id} is not on Kaggle; `mlebench leaderboard {competition.id}` shows its own leaderboard")
    patience = Patience((transfer or Transfer()).patience)
    service = KaggleService()
    teams = service.team_count(competition.id, patience)
    rows = read_board(service, competition.id, patience)
    check_board(rows, teams, competition)
    return _keep(rows, teams, competition)


def read_board(service: KaggleService, competition_id: str, patience: Patience) -> list[BoardRow]:
    """Every row of the private leaderboard, as Kaggle lists them."""
    return [
        BoardRow(
            int(row.team_id or 0),
            row.team_name or "",
            row.submission_date.isoformat() if row.submission_date else "",
            _score(row.score),
        )
        for row in service.board_rows(competition_id, patience)
    ]


def check_board(rows: list[BoardRow], teams: int, competition: Competition) -> None:
    """Refuse what cannot be a whole private leaderboard.

    Raises:
        WorkFailed: if it is shorter than the count of teams, lists a team twice, is unsorted, or all scores are equal.
    """
    order = f"{competition.metric}, {competition.direction}"
    if problem := board_problem(rows, teams, is_lower_better=competition.is_lower_better, order=order):
        raise WorkFailed(f"the leaderboard of {competition.id} is rejected: {problem}; nothing was changed")


def board_problem(rows: list[BoardRow], teams: int, *, is_lower_better: bool | None, order: str = "") -> str | None:
    """Why rows cannot be a whole private leaderboard; None if they can.

    Args:
        rows: as Kaggle lists them.
        teams: as many as Kaggle counts.
        is_lower_better: None if unknown, so that either order will do.
        order: names the metric and its direction.
    """
    scores = [row.score for row in rows if not math.isnan(row.score)]
    named = [row.team_id for row in rows if row.team_id]
    signs = {True: (1,), False: (-1,), None: (1, -1)}[is_lower_better]
    problem = None
    if not teams:
        problem = "Kaggle does not report the number of teams, so it cannot be checked"
    elif len(rows) < teams:
        problem = f"it has {len(rows):,} rows but the competition has {teams:,} teams"
    elif len(set(named)) < len(named):
        problem = f"{len(named) - len(set(named)):,} teams are listed twice"
    elif not scores:
        problem = "it has no scores"
    elif len(scores) > 1 and len(set(scores)) == 1:
        problem = f"all of its {len(scores):,} scores are {scores[0]:g}"
    elif all([sign * score for score in scores] != sorted(sign * score for score in scores) for sign in signs):
        problem = f"it is not sorted from best to worst ({order})" if order else "it is not sorted"
    return problem


def _keep(rows: list[BoardRow], teams: int, competition: Competition) -> BoardNote:
    scored = [row for row in rows if not math.isnan(row.score)]
    note = BoardNote(datetime.now(UTC).isoformat(timespec="seconds"), teams, len(scored))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["score", "team", "submitted"])
    writer.writerows([repr(row.score), row.team, row.submitted] for row in scored)
    competition.root.mkdir(parents=True, exist_ok=True)
    write_text(competition.root / "leaderboard.csv", table.getvalue())
    write_json(competition.root / _NOTE, asdict(note))
    return note


def _score(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
