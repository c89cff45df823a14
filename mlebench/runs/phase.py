"""What a run is doing right now, in finer steps than the states of its record, with the reason in words."""

from __future__ import annotations

import os
from typing import Literal, NamedTuple

from mlebench.runs.group import Group
from mlebench.runs.harness_status import HarnessStatus
from mlebench.runs.record import RunRecord
from mlebench.sandbox.kept_outcome import kept_outcome
from mlebench.sandbox.model_status import read_status

PhaseName = Literal["queued", "starting", "running", "grading", "finished", "failed", "timed-out", "cancelled"]


class Phase(NamedTuple):
    """What a run is doing."""

    name: PhaseName
    words: str
    """The reason, or what it waits for, one sentence without a full stop; empty if the name says it all."""


def phase_of(group: Group, record: RunRecord, harness: HarnessStatus | None) -> Phase:
    """What a run is doing, from its record, its folder and the harness's status (None: no harness runs the group)."""
    if record.has_ended:
        return Phase(record.state, (record.detail or "").rstrip("."))  # type: ignore[arg-type]
    # a page may show thousands of runs
    is_cancelled = os.path.lexists(f"{group.folder}/{record.run_id}/cancel") or os.path.lexists(f"{group.folder}/cancel")
    if record.state == "pending":
        return Phase("queued", "is being cancelled" if harness and is_cancelled else _why_queued(group, record, harness))
    name = _step(group, record)
    if harness is None:
        return Phase(name, _left_behind(name, group))
    if is_cancelled:
        return Phase(name, "is being cancelled")
    return Phase(name, _words_of(name, group, record))


def _why_queued(group: Group, record: RunRecord, harness: HarnessStatus | None) -> str:
    if harness is not None:
        return harness.waits_for(record.run_id)
    if group.imported is not None:
        return ""
    return f"no harness runs its group; {group.command('run', '--resume', group.name)} continues it"


def _left_behind(name: PhaseName, group: Group) -> str:
    was = f"was {name} when its harness ended"
    return was if group.imported is not None else f"{was}; {group.command('run', '--resume', group.name)} looks for it"


def _step(group: Group, record: RunRecord) -> PhaseName:
    if record.started_at is None:
        return "starting"
    # kept from the agent's end until the record holds the outcome and the grade
    return "grading" if kept_outcome(group.run_dir(record.run_id), record.attempt) is not None else "running"


def _words_of(name: PhaseName, group: Group, record: RunRecord) -> str:
    if name == "starting":
        return "its image, data and sandbox are being prepared"
    if name == "grading":
        return "its submission is being graded"
    status = read_status(group.run_dir(record.run_id))
    return (status.waiting or "") if status is not None else ""
