"""What a run is doing right now, in finer steps than its record has states, with the reason in words."""

from __future__ import annotations

from typing import Literal, NamedTuple

from mlebench.runs.group import Group
from mlebench.runs.harness_status import HarnessStatus
from mlebench.runs.record import RunRecord

PhaseName = Literal["queued", "starting", "running", "grading", "finished", "failed", "timed-out", "cancelled"]


class Phase(NamedTuple):
    """What a run is doing."""

    name: PhaseName
    words: str
    """Why, or what it waits for, one sentence without its full stop; empty where the name says it all."""


def phase_of(group: Group, record: RunRecord, harness: HarnessStatus | None) -> Phase:
    """What a run is doing, from its record, its folder, and what the harness says (None: no harness runs the group)."""
    if record.has_ended:
        return Phase(record.state, record.detail or "")  # type: ignore[arg-type]
    if record.state == "pending":
        return Phase("queued", (harness.waiting.get(record.run_id, "") if harness else "") or "")
    return Phase("running" if record.started_at else "starting", "")
