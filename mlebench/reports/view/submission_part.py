"""What a run submitted: the first rows, the verdicts of the checker, and what it came to."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from grading.printable import printable
from grading.report import CompetitionReport
from grading.wording import counted
from mlebench._support.plain_files import open_plain
from mlebench._support.quantities import show_duration, show_size
from mlebench.reports.components import moment, note, warning
from mlebench.reports.markup import Cell, Html, Section, link, sortable_table
from mlebench.reports.notation import NOTHING, score
from mlebench.reports.view.course import Course
from mlebench.reports.view.view import View
from mlebench.reports.view.watched_attempt import WatchedAttempt
from mlebench.runs.kept_snapshots import KeptSnapshot
from mlebench.runs.ledgers_so_far import Check, LedgersSoFar
from mlebench.runs.result import SUBMISSION

_ROWS, _COLUMNS = 20, 20
_MOST_BYTES = 64 * 2**10
"""Of a submission that are looked at for its first rows."""
_MOST_COUNTED = 16 * 2**20
"""Bytes of a file whose lines are counted."""
_LONGEST_CELL, _LONGEST_LINE = 60, 300
_VERDICTS = {True: ("✓", "valid"), False: ("✗", "invalid"), None: ("∅", "refused")}


@dataclass(frozen=True)
class Preview:
    """The beginning of a csv file."""

    size: int
    modified: datetime | None
    rows: tuple[tuple[str, ...], ...] | None
    """The header and the first rows; None if it is not a readable csv."""
    columns: int
    """Of the header."""
    lines: int | None
    """Behind the header; None of a file that is too large to be counted in passing."""
    text: str
    """The first lines, where there are no `rows`."""


def submission_section(view: View, attempt: WatchedAttempt, course: Course) -> Section:
    """The submission, or the latest copy of it while its agent works."""
    body = _verdict(attempt) + _file(view, attempt, course.snapshots) + _checks(attempt, course.ledgers)
    return Section("submission", "Submission", body)


def _verdict(attempt: WatchedAttempt) -> str:
    report = attempt.record.graded if attempt.is_last else None
    if report is None:
        return ""
    if report.error is not None:
        return warning(printable(report.error, 4000))
    return sortable_table(["Better", "Score", "Median", "Bronze", "Silver", "Gold"], [_thresholds(report)]) + note(
        _standing(report)
    )


def _thresholds(report: CompetitionReport) -> list[object]:
    values = (report.score, report.median_threshold, report.bronze_threshold, report.silver_threshold, report.gold_threshold)
    title = "lower" if report.is_lower_better else "higher"
    medal = report.medal
    return [title, *(Cell(score(value), value, medal=medal if place == 0 else None) for place, value in enumerate(values))]


def _standing(report: CompetitionReport) -> str:
    data = "Graded on mock data, which earns no medal. " if report.data == "mock" else ""
    if report.rank is None:
        return data + ("Above the median." if report.above_median else "Not above the median, or no leaderboard is known.")
    percentile = "" if report.percentile is None else f", at least as good as {report.percentile:.1f} % of the teams"
    return f"{data}Rank {report.rank:,} of {report.leaderboard_size or 0:,}{percentile}."


def _file(view: View, attempt: WatchedAttempt, snapshots: Sequence[KeptSnapshot]) -> str:
    """The first rows of what is submitted, or of the latest snapshot."""
    preview = look_at(attempt.folder / SUBMISSION, attempt.run_dir)
    if isinstance(preview, Preview):
        address = attempt.address(view, "file", path=SUBMISSION.as_posix())
        return _shown(preview, link(address, SUBMISSION.as_posix()))
    if snapshots and attempt.is_under_way:
        last = snapshots[-1]
        found = look_at(last.path, attempt.run_dir)
        if isinstance(found, Preview):
            address = attempt.address(view, "file", path=f"snapshots/{last.path.name}")
            about = Html(f"{link(address, 'the latest snapshot')}, {escape(show_duration(last.seconds))} after the start")
            return _shown(found, about)
    if preview:
        return note(f"{SUBMISSION.as_posix()} cannot be shown: it is {preview}.")
    return note("Nothing submitted so far." if attempt.is_under_way else "Nothing was submitted.")


def _shown(preview: Preview, name: Html) -> str:
    lines = "" if preview.lines is None else f", {counted(preview.lines, 'row')}"
    written = "" if preview.modified is None else f", written {moment(preview.modified)}"
    about = note(Html(f"{name}: {show_size(preview.size)}{lines}, {counted(preview.columns, 'column')}{written}"))
    if preview.rows is None:
        problem = warning("It cannot be read as csv; its first lines are shown.")
        return f'{about}{problem}<pre class="text">{escape(preview.text)}</pre>'
    header, *rows = preview.rows
    more = preview.columns - len(header)
    beyond = note(f"The first {len(header)} of {preview.columns:,} columns.") if more > 0 else ""
    cells = [[Cell(cell, text=True) for cell in row] for row in rows]
    return about + sortable_table([name or NOTHING for name in header], cells, sticky=True) + beyond


def look_at(path: Path, within: Path) -> Preview | str:
    """The beginning of a file; why it cannot be read, such as `a link`, or an empty text where there is none.

    Args:
        path: the file.
        within: a folder of ours above it; no part of the path below it may be a link.
    """
    try:
        with open_plain(path, within) as file:
            status = os.fstat(file.fileno())
            head = file.read(_MOST_BYTES)
            lines = _count_lines(head, file.fileno(), status.st_size)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return error.strerror or "a file that cannot be read"
    modified = datetime.fromtimestamp(status.st_mtime, UTC) if 0 < status.st_mtime < 2**32 else None
    rows, columns = _first_rows(head, is_whole=len(head) == status.st_size)
    return Preview(status.st_size, modified, rows, columns, lines, "" if rows else _first_lines(head))


def _first_rows(head: bytes, *, is_whole: bool) -> tuple[tuple[tuple[str, ...], ...] | None, int]:
    """The header and the first rows, and how many columns the header has; no rows if it is not a csv."""
    text = head.decode("utf-8-sig", "backslashreplace")
    if "\0" in text:
        return None, 0
    rows: list[tuple[str, ...]] = []
    columns = 0
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        for row in reader:
            columns = columns or len(row)
            if len(row) != columns:
                # the last row may be cut
                return (tuple(rows), columns) if rows[1:] and not is_whole else (None, columns)
            rows.append(tuple(printable(cell, _LONGEST_CELL) for cell in row[:_COLUMNS]))
            if len(rows) > _ROWS:
                break
    except csv.Error:
        return (tuple(rows), columns) if rows[1:] and not is_whole else (None, columns)
    return (tuple(rows) or None), columns


def _first_lines(head: bytes) -> str:
    lines = head.decode("utf-8", "backslashreplace").split("\n")[: _ROWS + 1]
    return "\n".join(printable(line, _LONGEST_LINE) for line in lines)


def _count_lines(head: bytes, descriptor: int, size: int) -> int | None:
    """Lines behind the first; line breaks within quotes count."""
    if size > _MOST_COUNTED:
        return None
    whole = head if len(head) == size else os.pread(descriptor, _MOST_COUNTED, 0)
    return max(0, whole.count(b"\n") + (not whole.endswith(b"\n")) - 1) if whole else 0


def _checks(attempt: WatchedAttempt, ledgers: LedgersSoFar) -> str:
    """What the checker answered, the newest first."""
    valid, invalid, refused = ledgers.checks
    if not valid + invalid + refused:
        return "<h3>Submission checker</h3>" + note(_recorded_checks(attempt))
    told = f"{counted(valid, 'valid file')}, {invalid:,} invalid, {refused:,} calls rejected"
    less = f"; the last {len(ledgers.last_checks)} are listed" if len(ledgers.last_checks) < valid + invalid + refused else ""
    table = sortable_table(
        ["Verdict", "After", "Rows", "Size", "Answer"], [_check(attempt, check) for check in ledgers.last_checks]
    )
    return f"<h3>Submission checker</h3>{note(told + less)}{table}"


def _recorded_checks(attempt: WatchedAttempt) -> str:
    """What the record says about the checker where there is no ledger."""
    calls = attempt.record.checker_calls if attempt.is_last else []
    if not calls:
        return "It was not used."
    valid = sum(call.get("valid") is True for call in calls)
    return f"{counted(valid, 'valid file')}, {len(calls) - valid:,} invalid, by the run’s record; the calls are gone."


def _check(attempt: WatchedAttempt, check: Check) -> list[object]:
    at = None if check.at is None else datetime.fromtimestamp(check.at, UTC)
    seconds = None if at is None or attempt.started is None else (at - attempt.started).total_seconds()
    after = NOTHING if seconds is None else show_duration(seconds)
    sign, verdict = _VERDICTS[check.valid]
    return [
        Cell(f"{sign} {verdict}", verdict, text=True, css=f"state {verdict}"),
        Cell(after, seconds, tooltip="" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"),
        Cell(NOTHING if check.rows is None else f"{check.rows:,}", check.rows),
        Cell(NOTHING if check.bytes is None else show_size(check.bytes), check.bytes),
        Cell(check.message, long=True),
    ]
