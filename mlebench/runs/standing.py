"""Whether an attempt is still under way, as its run's folder tells anybody who comes across its agent."""

from __future__ import annotations

import os
from pathlib import Path

from mlebench.errors import WorkFailed
from mlebench.runs.record import RunRecord


def is_under_way(run_dir: Path, attempt: int) -> bool | None:
    """Whether the record says that this attempt is at work; None where there is none, or none that can be read."""
    try:
        record = RunRecord.read(run_dir)
    except WorkFailed:
        return None
    return record.state == "running" and record.attempt == attempt


def may_be_under_way(run_dir: Path, attempt: int) -> bool:
    """The same for whoever would take something away from an agent: what is not known to be over counts as under way."""
    known = is_under_way(run_dir, attempt)
    if known is not None:
        return known
    # whoever removed a run left the folder of all runs; where that is missing, a shared file system is away
    return os.path.lexists(run_dir / "run.json") or not run_dir.parent.parent.is_dir()
