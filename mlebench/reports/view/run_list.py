"""The runs of a group as a list."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from grading.printable import printable
from mlebench._support.quantities import show_duration
from mlebench.reports.components import moment
from mlebench.reports.markup import with_code
from mlebench.reports.notation import NOTHING, score
from mlebench.reports.view.listing import Asked, Column, Field, list_table, page_of, pages_nav, sort_rows
from mlebench.reports.view.looks import PHASE_SIGNS, STANDINGS, cost_html, mark
from mlebench.reports.view.run_digest import RunDigest, digest_of
from mlebench.reports.view.view import View
from mlebench.reports.view.watched_runs import WatchedGroup
from mlebench.runs.phase import Phase, phase_of
from mlebench.runs.record import RunRecord

_PAGE_SIZE = 200
_LONGEST = 240
_ORDER = {"running": 0, "pending": 2}
"""Of states where nothing else is asked for: what is under way, what has ended, what is yet to come."""


@dataclass(frozen=True, eq=False)
class _Row:
    group: WatchedGroup
    record: RunRecord
    digest: RunDigest

    @functools.cached_property
    def phase(self) -> Phase:
        """What it is doing; asked of the rows that are shown alone, as it may look into the run's folder."""
        assert self.group.group is not None
        return phase_of(self.group.group, self.record, self.group.harness)


def run_list(view: View, group: WatchedGroup, records: Sequence[RunRecord], asked: Asked) -> str:
    """A page of runs: those under way first, then those that ended last, unless another order is asked for."""
    columns = _columns(view, group)
    rows = [_Row(group, record, digest_of(record)) for record in records]
    rows.sort(key=lambda row: row.record.ended_at or "", reverse=True)
    rows.sort(key=lambda row: _ORDER.get(row.record.state, 1))
    rows = sort_rows(rows, columns, asked["sort"])
    table = list_table("Runs", columns, page_of(rows, asked, _PAGE_SIZE), asked, css="runs")
    return table + pages_nav(len(rows), asked, _PAGE_SIZE, "run")


def _columns(view: View, group: WatchedGroup) -> list[Column[_Row]]:
    return [
        Column("Run", lambda row: _name(view, group, row), "run", lambda row: row.record.run_id, down=False, text=True),
        Column("State", _state, "state", lambda row: row.record.state, down=False, text=True),
        Column("Time", _time, "time", lambda row: row.record.wall_seconds),
        Column("Score", lambda row: Field(score(_score(row))), "score", _score),
        Column("Medal", _medal, "medal", _medal_key, down=False, text=True),
        Column("Rank", _rank, "rank", lambda row: row.digest.report.rank if row.digest.report else None, down=False),
        Column("USD", lambda row: Field(cost_html(row.digest.spent)), "usd", lambda row: row.digest.spent.usd),
        Column("Attempts", lambda row: Field(f"{row.record.attempt:,}"), "attempts", lambda row: row.record.attempt),
        Column("What happened", _happened, text=True),
    ]


def _name(view: View, group: WatchedGroup, row: _Row) -> Field:
    address = view.address("g", group.name, row.record.run_id)
    return Field(f'<a href="{escape(address)}">{escape(row.record.run_id)}</a>')


def _state(row: _Row) -> Field:
    name, standing = row.phase.name, row.digest.standing
    sign = STANDINGS[standing].sign if row.record.has_ended else PHASE_SIGNS.get(name, "")
    return Field(f"{mark(standing, sign)}{name}")


def _time(row: _Row) -> Field:
    record = row.record
    if record.state == "running" and record.started_at is not None:
        return Field(moment(record.started_at, css="since"))
    return Field(NOTHING if record.wall_seconds is None else show_duration(record.wall_seconds))


def _score(row: _Row) -> float | None:
    return row.digest.report.score if row.digest.report is not None else None


def _medal(row: _Row) -> Field:
    """In words, as the sign stands before the state."""
    words = {"gold": "gold", "silver": "silver", "bronze": "bronze", "above-median": "above median", "mock": "mock data"}
    return Field(words.get(row.digest.standing, NOTHING))


def _medal_key(row: _Row) -> float | None:
    place = list(STANDINGS).index(row.digest.standing)
    return place if row.record.has_ended else None


def _rank(row: _Row) -> Field:
    report = row.digest.report
    if report is None or report.rank is None:
        return Field(NOTHING)
    return Field(f"{report.rank:,} of {report.leaderboard_size:,}" if report.leaderboard_size is not None else f"{report.rank:,}")


def _happened(row: _Row) -> Field:
    """Why it is in its phase, or how it ended: the words of the grader where it earned nothing."""
    report = row.digest.report
    words = row.phase.words
    if report is not None and report.error:
        words = report.error
    return Field(with_code(printable(words, _LONGEST)) if words else NOTHING, "long")
