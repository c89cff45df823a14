"""What a run had spent on models over time, from its ledger."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from mlebench.gateway.usage import spending_over_time
from mlebench.runs.record import RunRecord
from mlebench.runs.usage import read_usage


class Spent(NamedTuple):
    """Cumulative usage of a run's model calls at one moment."""

    seconds: float
    """Seconds since the agent's start."""
    usd: float | None
    """None from the first call of unknown price onwards."""
    tokens: int
    """Input and output."""


def read_spending(run_dir: Path, record: RunRecord) -> tuple[Spent, ...] | None:
    """Cumulative spending after each call, in chronological order; no amount ever decreases.

    Returns:
        empty if no call was made; None if the run has not started, or has no ledger although it called models or it was not
        measured whether it did.
    """
    if record.started_at is None:
        return None
    usage = read_usage(record.usage)
    steps = spending_over_time(run_dir)
    if not steps and (usage is None or usage.calls != 0):
        return None
    start = datetime.fromisoformat(record.started_at).timestamp()
    return tuple(Spent(at - start, usd, input_tokens + output_tokens) for at, usd, input_tokens, output_tokens, _ in steps)
