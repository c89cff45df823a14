"""An attempt at a run, as the pages about it show it: which one, where its files lie, and what the record says about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from grading.printable import printable
from mlebench.reports.view.view import Query, View
from mlebench.reports.view.watched_runs import WatchedGroup
from mlebench.runs.attempts import parts_of, said_of_attempts
from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord, checked_time

_LONGEST_WORD, _LONGEST_SENTENCE = 60, 4000


@dataclass(frozen=True)
class WatchedAttempt:
    """One attempt at a run; the last, unless the address names another."""

    watched: WatchedGroup
    group: Group
    record: RunRecord
    number: int
    """From 1; 0 before the first."""
    is_last: bool
    said: Mapping[str, Any]
    """What the record says about it: `state`, `reason`, `detail`, `started_at`, …; of earlier ones anything may be there."""

    @property
    def run_dir(self) -> Path:
        """The run's folder; no path below it is opened that has a link in it."""
        return self.group.run_dir(self.record.run_id)

    @property
    def folder(self) -> Path:
        """Holds this attempt's log, ledgers and output."""
        return self.run_dir.joinpath(*parts_of(self.record, self.number))

    @property
    def created(self) -> datetime | None:
        """When the run was planned."""
        return time_of(self.record.created_at)

    @property
    def started(self) -> datetime | None:
        """When its agent started; None if it has not, or the record does not say."""
        return time_of(self.said.get("started_at"))

    @property
    def ended(self) -> datetime | None:
        """When it ended; None if it has not, or the record does not say."""
        return time_of(self.said.get("ended_at"))

    @property
    def deadline(self) -> datetime | None:
        """When it is stopped at the latest; None if nothing is known of its limit, or its agent has not started."""
        if self.started is None or not self.group.plan.has_known_limits:
            return None
        try:
            return self.started + timedelta(seconds=self.group.plan.profile.time_limit)
        except OverflowError:
            return None

    @property
    def is_followed(self) -> bool:
        """Whether it has ended and another attempt is to come, which has not begun."""
        return self.is_last and self.number > 0 and self.record.state == "pending"

    @property
    def is_under_way(self) -> bool:
        """Whether its files may still grow."""
        return self.is_last and not self.record.has_ended

    def word(self, key: str) -> str:
        """A short word that the record says about it; empty if there is none."""
        return _shown(self.said.get(key), _LONGEST_WORD)

    def sentence(self, key: str) -> str:
        """A sentence that the record says about it; empty if there is none."""
        return _shown(self.said.get(key), _LONGEST_SENTENCE)

    def address(self, view: View, *parts: str, **query: str | int | None) -> str:
        """Of a page about this attempt, below that of its run."""
        attempt = None if self.is_last else self.number
        return view.address("g", self.watched.name, self.record.run_id, *parts, attempt=attempt, **query)


def find_attempt(view: View, query: Query, group: str, run_id: str) -> WatchedAttempt | None:
    """The attempt that an address names (`attempt` in the query, by default the last); None if there is none."""
    return attempt_at(view, group, run_id, query.get("attempt"))


def attempt_at(view: View, group: str, run_id: str, number: str | None = None) -> WatchedAttempt | None:
    """An attempt by its number as an address writes it, by default the last; None if there is none."""
    watched = view.runs.group(group)
    record = None if watched is None else watched.record(run_id)
    if watched is None or watched.group is None or record is None:
        return None
    by_word = {str(n): (n, said) for n, said in said_of_attempts(record).items()}
    if (found := by_word.get(str(record.attempt) if number is None else number)) is None:
        return None
    return WatchedAttempt(watched, watched.group, record, found[0], found[0] == record.attempt, found[1])


def time_of(text: object) -> datetime | None:
    """The moment in UTC that a record states; None if it states none at which a harness can have run."""
    try:
        return datetime.fromisoformat(checked_time(text)).astimezone(UTC)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return None


def _shown(value: object, most: int) -> str:
    return "" if value is None else printable(str(value)[: 10 * most], most)
