"""Whether an attempt is still in progress, from its run's folder, for code that finds its agent."""

from __future__ import annotations

import os
from pathlib import Path

from mlebench.errors import WorkFailed
from mlebench.runs.record import RunRecord


def is_under_way(run_dir: Path, attempt: int) -> bool | None:
    """Whether the record shows this attempt as running; None if there is no readable record."""
    try:
        record = RunRecord.read(run_dir)
    except WorkFailed:
        return None
    return record.state == "running" and record.attempt == attempt


def may_be_under_way(run_dir: Path, attempt: int) -> bool:
    """The same before anything is taken away from an agent: an attempt not known to be over counts as in progress."""
    known = is_under_way(run_dir, attempt)
    if known is not None:
        return known
    # removing a run leaves the folder of all runs; if that is missing, a shared file system is unavailable
    return os.path.lexists(run_dir / "run.json") or not run_dir.parent.parent.is_dir()
