"""The attempts at a run: what the record says about each, and where their files are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from mlebench.runs.record import RunRecord

FOLDER = "attempts"
"""In a run's folder; holds the files of earlier attempts, each in a folder named by its number."""
_LARGEST_NUMBER = 10**6


def said_of_attempts(record: RunRecord) -> dict[int, Mapping[str, Any]]:
    """What a record says about each attempt, by number from 1 and in order: `state`, `reason`, `started_at`, …

    The last is the record's own `attempt`, which is 0 before the first one. Entries of earlier attempts are unchecked.
    """
    numbered = ((entry.get("attempt"), entry) for entry in record.attempts)
    earlier: dict[int, Mapping[str, Any]] = {number: entry for number, entry in numbered if _is_number(number)}
    # between two attempts the record no longer says how the one before ended, but lists it already
    now = earlier.pop(record.attempt, None) or vars(record)
    return {**dict(sorted(earlier.items())), record.attempt: now}


def parts_of(record: RunRecord, number: int) -> tuple[str, ...]:
    """Path of an attempt's files below the run's folder, as parts; the last attempt's files are in the folder itself."""
    return () if number == record.attempt else (FOLDER, str(number))


def _is_number(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 < value < _LARGEST_NUMBER
