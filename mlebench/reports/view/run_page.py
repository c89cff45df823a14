"""One run, during and after it, and each of its earlier attempts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from grading.printable import printable
from mlebench._support.quantities import show_count, show_duration
from mlebench.reports.components import note, warning
from mlebench.reports.markup import Cell, Section, sortable_table
from mlebench.reports.notation import NOTHING, usd
from mlebench.reports.view.course import read_course
from mlebench.reports.view.run_curves import resources_section, time_section
from mlebench.reports.view.run_files import files_section
from mlebench.reports.view.run_log import log_section
from mlebench.reports.view.run_state import phase_of_attempt, state_section
from mlebench.reports.view.submission_part import submission_section
from mlebench.reports.view.view import Page, Query, View
from mlebench.reports.view.watched_attempt import WatchedAttempt, find_attempt, time_of
from mlebench.runs.usage import read_usage

_EVERY_SECONDS = 3.0
_MOST_ATTEMPTS = 100


def make_run(view: View, query: Query, group: str, run_id: str) -> Page | None:
    """The page of a run, or of an earlier attempt (`attempt` in the query); None if there is none."""
    attempt = find_attempt(view, query, group, run_id)
    if attempt is None:
        return None
    course = read_course(attempt)
    sections = [state_section(view, attempt, course)]
    if not os.path.lexists(attempt.folder):
        sections.append(Section("gone", "Folder", _gone(attempt)))
    else:
        sections += [
            time_section(attempt, course),
            log_section(view, attempt),
            submission_section(view, attempt, course),
            resources_section(attempt, course),
            files_section(view, attempt),
        ]
    if attempts := attempts_section(view, attempt):
        sections.append(attempts)
    crumbs = view.crumbs(attempt.watched.name)
    if not attempt.is_last:
        crumbs.append((view.address("g", attempt.watched.name, run_id), run_id))
    title = run_id if attempt.is_last else f"{run_id}, attempt {attempt.number}"
    every = _EVERY_SECONDS if attempt.is_under_way else None
    return Page(title, _lead(attempt), sections, crumbs, every, scripts=("log",))


def _lead(attempt: WatchedAttempt) -> str:
    phase = phase_of_attempt(attempt)
    agent = printable(attempt.group.plan.agent.id, 200)
    nth = [f"attempt {attempt.number}"] if attempt.number > 1 and attempt.is_last else []
    return " · ".join([phase.name, agent, attempt.record.competition_id, f"seed {attempt.record.seed}", *nth])


def _gone(attempt: WatchedAttempt) -> str:
    what = "run" if attempt.is_last else "attempt"
    return warning(f"The folder of this {what} was removed or moved.")


def attempts_section(view: View, attempt: WatchedAttempt) -> Section | None:
    """Every attempt at the run; None if there was but one."""
    record = attempt.record
    earlier = [entry for entry in record.attempts if entry.get("attempt") != record.attempt]
    if not earlier:
        return None
    rows = [_attempt(view, attempt, entry) for entry in [*earlier[-_MOST_ATTEMPTS:], vars(record)]]
    less = note(f"The last {_MOST_ATTEMPTS} of {len(earlier):,} are listed.") if len(earlier) > _MOST_ATTEMPTS else ""
    header = ["Attempt", "State", "Reason", "Started", "Time", "USD", "Tokens", "What happened"]
    return Section("attempts", "Attempts", sortable_table(header, rows) + less)


def _attempt(view: View, attempt: WatchedAttempt, said: Mapping[str, Any]) -> list[object]:
    number, is_last = said.get("attempt"), said.get("attempt") == attempt.record.attempt
    address = view.address("g", attempt.watched.name, attempt.record.run_id, attempt=None if is_last else printable(str(number)))
    started, ended = time_of(said.get("started_at")), time_of(said.get("ended_at"))
    used = read_usage(said.get("usage"))
    cost, tokens = (used.cost_usd, used.tokens) if used is not None else (None, None)
    return [
        Cell(links=[(address, printable(str(number)))], sort=number if isinstance(number, int) else None, text=True),
        Cell(printable(str(said.get("state") or NOTHING)), text=True),
        Cell(printable(str(said.get("reason") or NOTHING)), text=True),
        Cell(NOTHING if started is None else f"{started:%Y-%m-%d %H:%M}", text=True),
        _duration(started, ended),
        Cell(usd(cost), cost),
        Cell(NOTHING if tokens is None else show_count(tokens), tokens),
        Cell(printable(str(said.get("detail") or NOTHING), 500), long=True),
    ]


def _duration(started: datetime | None, ended: datetime | None) -> Cell:
    if started is None or ended is None:
        return Cell(NOTHING, None)
    seconds = (ended - started).total_seconds()
    return Cell(show_duration(seconds), seconds)
