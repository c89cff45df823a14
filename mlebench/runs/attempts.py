"""The attempts at a run: what its record says of each, and where each left its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from mlebench.runs.record import RunRecord

FOLDER = "attempts"
"""Of a run's folder; holds what earlier attempts left, each in a folder of its number."""
_LARGEST_NUMBER = 10**6


def said_of_attempts(record: RunRecord) -> dict[int, Mapping[str, Any]]:
    """What a record says of each attempt, by number from 1 and in their order: `state`, `reason`, `started_at`, …

    The last is the record's own `attempt`, also 0 before the first. Of earlier ones anything may stand there.
    """
    numbered = ((entry.get("attempt"), entry) for entry in record.attempts)
    earlier: dict[int, Mapping[str, Any]] = {number: entry for number, entry in numbered if _is_number(number)}
    # between two attempts the record no longer says how the one before ended, but lists it already
    now = earlier.pop(record.attempt, None) or vars(record)
    return {**dict(sorted(earlier.items())), record.attempt: now}


def parts_of(record: RunRecord, number: int) -> tuple[str, ...]:
    """Where an attempt's files lie, as names below the run's folder; those of the last lie in that folder itself."""
    return () if number == record.attempt else (FOLDER, str(number))


def _is_number(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 < value < _LARGEST_NUMBER
