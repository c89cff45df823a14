"""How an attempt ended, kept in the run's folder from before its traces are removed until the record holds it.

A harness that is killed in between would otherwise find nothing left of an attempt that is finished.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from mlebench._support.files import write_json
from mlebench.sandbox.base import Outcome

_NAME = ".ending.json"


def keep_ending(run_dir: Path, attempt: int, outcome: Outcome) -> None:
    """Write down the end of an attempt."""
    write_json(run_dir / _NAME, {"attempt": attempt, "outcome": outcome.to_dict()})


def kept_ending(run_dir: Path, attempt: int) -> Outcome | None:
    """The end of an attempt that an earlier harness wrote down and did not come to book."""
    try:
        content = json.loads((run_dir / _NAME).read_text(encoding="utf-8"))
        outcome = content["outcome"]
        times = {key: datetime.fromisoformat(outcome[key]) if outcome[key] else None for key in ("started_at", "ended_at")}
        return Outcome(**(outcome | times)) if content["attempt"] == attempt else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def drop_ending(run_dir: Path) -> None:
    """The record holds the end now."""
    (run_dir / _NAME).unlink(missing_ok=True)
