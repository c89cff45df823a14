"""What failed in a group and why, grouped by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from grading.printable import printable
from grading.wording import counted
from mlebench.reports.components import note
from mlebench.reports.markup import with_code
from mlebench.reports.notation import NOTHING
from mlebench.reports.view.listing import Asked, Column, Field, list_table
from mlebench.reports.view.run_digest import Standing, digest_of
from mlebench.reports.view.view import View
from mlebench.reports.view.watched_runs import WatchedGroup
from mlebench.runs.record import RunRecord

_FAILED: frozenset[Standing] = frozenset({"invalid", "no-submission", "failed", "infrastructure", "damaged"})
_MOST_REASONS = 30
_MOST_NAMED = 4
"""Runs of a reason."""
_LONGEST_REASON, _LONGEST_DETAIL = 60, 300


class _Reason(NamedTuple):
    """Runs that ended without a valid submission for one reason."""

    reason: str | None
    is_ours: bool
    """Whether the infrastructure failed, and not the agent."""
    records: Sequence[RunRecord]


def failure_table(view: View, group: WatchedGroup, records: Iterable[RunRecord], asked: Asked) -> str:
    """How often what went wrong, most often first; empty if nothing did.

    Args:
        asked: links of reasons narrow it down to the runs of one.
    """
    found: dict[tuple[str | None, bool], list[RunRecord]] = {}
    for record in records:
        if digest_of(record).standing in _FAILED:
            found.setdefault((record.reason, record.failure_class == "infrastructure"), []).append(record)
    reasons = sorted((_Reason(*key, listed) for key, listed in found.items()), key=lambda entry: -len(entry.records))
    if not reasons:
        return ""
    columns: list[Column[_Reason]] = [
        Column("Reason", lambda entry: _title(entry, asked), text=True),
        Column("Whose", lambda entry: Field("infrastructure" if entry.is_ours else "agent"), text=True),
        Column("Most often", lambda entry: Field(with_code(_most_often(entry)), "long"), text=True),
        Column("Runs", lambda entry: _named(view, group, entry), text=True),
    ]
    more = len(reasons) - _MOST_REASONS
    unlisted = note(f"{counted(more, 'rarer reason')} not listed.") if more > 0 else ""
    return list_table("What failed, by reason", columns, reasons[:_MOST_REASONS], asked, css="failures") + unlisted


def reasons_of(records: Iterable[RunRecord]) -> list[str]:
    """Why runs ended, the most frequent reason first."""
    counts = Counter(record.reason for record in records if record.has_ended and record.reason)
    return [reason for reason, _ in counts.most_common(_MOST_REASONS) if reason is not None]


def _title(entry: _Reason, asked: Asked) -> Field:
    reason = escape(printable(entry.reason, _LONGEST_REASON)) if entry.reason else "no reason recorded"
    link = f'<a href="{escape(asked.link(reason=entry.reason))}">{reason}</a>' if entry.reason else reason
    return Field(f"{len(entry.records):,} × {link}")


def _most_often(entry: _Reason) -> str:
    """The sentence that most of these runs ended with."""
    sentences = Counter(_sentence(record) for record in entry.records)
    sentence, times = sentences.most_common(1)[0]
    return sentence if len(sentences) == 1 or times == 1 else f"{sentence} ({times:,} ×)"


def _sentence(record: RunRecord) -> str:
    report = digest_of(record).report
    words = (report.error if report is not None else None) or record.detail or NOTHING
    return printable(words, _LONGEST_DETAIL)


def _named(view: View, group: WatchedGroup, entry: _Reason) -> Field:
    shown = entry.records[:_MOST_NAMED]
    links = [f'<a href="{escape(view.address("g", group.name, run.run_id))}">{escape(run.run_id)}</a>' for run in shown]
    more = len(entry.records) - len(shown)
    return Field(", ".join(links) + (f" and {more:,} more" if more > 0 else ""), "long")
