"""What a run had spent on models at each moment, by its ledger."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from mlebench.gateway.usage import spending_over_time
from mlebench.runs.record import RunRecord
from mlebench.runs.usage import read_usage


class Spent(NamedTuple):
    """What a run's calls to models had used by a moment."""

    seconds: float
    """Since the agent's start."""
    usd: float | None
    """None from the first call of unknown price on."""
    tokens: int
    """Input and output."""


def read_spending(run_dir: Path, record: RunRecord) -> tuple[Spent, ...] | None:
    """What was spent after each call, in the order of time; no amount ever falls.

    Returns:
        empty where no call was made; None where the run has not started, or has no ledger though it asked models or nobody
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
