"""The outcome of an attempt, kept in the run's folder from before its traces are removed until the record holds it.

A harness that is killed in between would otherwise find nothing left of an attempt that is finished.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from mlebench._support.files import write_json
from mlebench.sandbox.base import Outcome

_NAME = ".outcome.json"


def keep_outcome(run_dir: Path, attempt: int, outcome: Outcome) -> None:
    """Write down the outcome of an attempt."""
    write_json(run_dir / _NAME, {"attempt": attempt, "outcome": outcome.to_dict()})


def kept_outcome(run_dir: Path, attempt: int) -> Outcome | None:
    """The outcome of an attempt that an earlier harness wrote down and did not bring into the record."""
    try:
        content = json.loads((run_dir / _NAME).read_text(encoding="utf-8"))
        outcome = content["outcome"]
        times = {key: datetime.fromisoformat(outcome[key]) if outcome[key] else None for key in ("started_at", "ended_at")}
        return Outcome(**(outcome | times)) if content["attempt"] == attempt else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def drop_outcome(run_dir: Path) -> None:
    """The record holds the outcome now."""
    (run_dir / _NAME).unlink(missing_ok=True)
