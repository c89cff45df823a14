"""What a run's record says about its end, its earlier attempts and its GPUs, checked against itself and what is in its folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from grading.printable import printable
from mlebench.runs.record import RECORD_DAMAGED, RunRecord, known_time, seconds_between

_GRADER_ERROR = "grader_error"
_ENDED_IN_VAIN = ("failed", "timed-out", "cancelled")
_SLACK = 1.0
"""Seconds by which attempts may overlap: times are of the machine that each ran on."""
_ROUNDED_HOURS = 0.001


def contradictions(record: RunRecord, gpus: int, folders: frozenset[str]) -> Iterator[str]:
    """What in a record of a run that has ended cannot all be true, a clause each.

    Args:
        record: the record.
        gpus: of a run, by the plan.
        folders: names of the folders of earlier attempts that are in the bundle.
    """
    yield from _of_end(record)
    yield from _of_attempts(record, folders)
    yield from _of_gpus(record, gpus)


def _of_end(record: RunRecord) -> Iterator[str]:
    report = record.report if isinstance(record.report, Mapping) else None
    if record.state == "finished" and record.exit_code != 0:
        yield f"it has finished, but its exit code is {record.exit_code}"
    if record.state in ("failed", "timed-out") and record.failure_class is None:
        yield f"it {record.state.replace('-', ' ')}, but does not say who caused it"
    if record.state == "cancelled" and report is not None:
        yield "it was cancelled but has a report; cancelled runs are not graded"
    if record.failure_class == "infrastructure" and report is not None and report.get("error_kind") != _GRADER_ERROR:
        yield "the infrastructure ended it, but it has a report; such runs are not graded"
    if record.attempt < 1 and record.state != "cancelled":
        yield "it has ended but was never started"


def _of_attempts(record: RunRecord, folders: frozenset[str]) -> Iterator[str]:
    """Each attempt but the last is told once, and ended before the next one started."""
    numbers = [entry.get("attempt") for entry in record.attempts]
    known = [number for number in numbers if type(number) is int]
    if len(known) < len(numbers) or known != sorted(known) or any(not 0 <= number <= record.attempt for number in known):
        yield "its earlier attempts are not numbered in order"
        return
    # a record that could not be read is begun again, and knows of none before
    first = 1 if not record.attempts or record.attempts[0].get("reason") != RECORD_DAMAGED else known[0]
    if missing := sorted(set(range(first, record.attempt)) - set(known)):
        yield f"its attempt {missing[0]} is not recorded, but it states {record.attempt}"
    allowed = {str(number) for number in range(1, record.attempt)}
    if unknown := sorted(folders - allowed):
        yield f"attempts/{printable(unknown[0], 60)} is in the bundle, but the record has no such attempt"
    for number, entry in zip(known, record.attempts, strict=True):
        if entry.get("state") not in _ENDED_IN_VAIN:
            yield f"attempt {number} ended as {printable(str(entry.get('state')), 30)}, but is followed by another"
    yield from _of_order(record)


def _of_order(record: RunRecord) -> Iterator[str]:
    before: datetime | None = None
    for start, end in [
        *((entry.get("started_at"), entry.get("ended_at")) for entry in record.attempts),
        (record.started_at, None),
    ]:
        started = known_time(start)
        if started is not None and before is not None and (before - started).total_seconds() > _SLACK:
            yield "an attempt started before the one before it had ended"
        before = known_time(end) or before


def _of_gpus(record: RunRecord, gpus: int) -> Iterator[str]:
    """The hours are those of the attempts, by the GPUs that each may have had."""
    times = [(entry.get("started_at"), entry.get("ended_at")) for entry in record.attempts]
    hours = sum(_seconds(start, end) for start, end in [*times, (record.started_at, record.ended_at)]) / 3600
    least = len(record.gpu_ids) * _seconds(record.started_at, record.ended_at) / 3600
    most = max(gpus, len(record.gpu_ids)) * hours
    if not least - _ROUNDED_HOURS <= record.gpu_hours <= most + _ROUNDED_HOURS:
        yield f"`gpu_hours` is {record.gpu_hours:g}, and from its GPUs and times it is {most:.3f}"
    if len(record.gpu_ids) > gpus:
        yield f"it had {len(record.gpu_ids)} GPUs, and the plan gave it {gpus}"


def _seconds(start: Any, end: Any) -> float:
    return seconds_between(start, end) if known_time(start) and known_time(end) else 0.0
