"""The outcome of an attempt, kept in the run's folder before its traces are removed and until the record holds it.

Otherwise, after a harness is killed in between, nothing would be left of a finished attempt.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support.files import move_aside, parse_own_json, write_json
from mlebench._support.plain_files import read_plain
from mlebench.sandbox.base import Outcome

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_NAME = ".outcome.json"
_LARGEST = 2**20


def keep_outcome(run_dir: Path, attempt: int, outcome: Outcome) -> None:
    """Store the outcome of an attempt."""
    move_aside(run_dir / _NAME)
    write_json(run_dir / _NAME, {"attempt": attempt, "outcome": outcome.to_dict()})


def kept_outcome(run_dir: Path, attempt: int) -> Outcome | None:
    """The outcome of an attempt that an earlier harness stored but did not copy into the record."""
    try:
        content = parse_own_json(read_plain(run_dir / _NAME, _LARGEST))
        outcome = _adapter().validate_python(content["outcome"]) if content["attempt"] == attempt else None
        for moment in (outcome.started_at, outcome.ended_at) if outcome else ():
            if moment is not None and (moment.tzinfo is None or moment.timestamp() < 0):
                return None
        return outcome
    except (OverflowError, OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


@functools.cache
def _adapter() -> TypeAdapter[Outcome]:
    from pydantic import TypeAdapter

    return TypeAdapter(Outcome)


def drop_outcome(run_dir: Path) -> None:
    """Remove the stored outcome once the record holds it."""
    move_aside(run_dir / _NAME)
    (run_dir / _NAME).unlink(missing_ok=True)
