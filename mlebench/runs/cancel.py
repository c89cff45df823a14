"""Cancels runs from outside their harness: a mark in the folder that the harness looks for, or without one directly."""

from __future__ import annotations

from datetime import UTC, datetime

from mlebench.errors import UsageError
from mlebench.runs import lock
from mlebench.runs.group import Group
from mlebench.runs.group_report import write_grading_report
from mlebench.runs.plan import PlannedRun
from mlebench.runs.worker import Control, RunTask, execute
from mlebench.sandbox.base import Outcome


def cancel_run(group: Group, run_id: str) -> None:
    """Cancel one run; it stays cancelled when the group is resumed.

    Raises:
        UsageError: it has ended already.
    """
    run = next(run for run in group.plan.runs if run.run_id == run_id)
    record = group.record(run)
    if record.has_ended:
        raise UsageError(f"{run_id} has ended already ({record.state}); `mlebench runs {group.name}` shows it")
    (group.run_dir(run_id) / "cancel").touch()
    if not lock.is_held(group.folder):
        _cancel_without_harness(group, [run])


def cancel_group(group: Group) -> int:
    """Cancel every run that has not ended; resuming the group goes on with them.

    Returns:
        how many there were.

    Raises:
        UsageError: every run has ended.
    """
    left = [run for run in group.plan.runs if not group.record(run).has_ended]
    if not left:
        raise UsageError(f"every run of {group.name} has ended; `mlebench runs {group.name}` shows them")
    (group.folder / "cancel").touch()
    if not lock.is_held(group.folder):
        _cancel_without_harness(group, left)
    return len(left)


def _cancel_without_harness(group: Group, runs: list[PlannedRun]) -> None:
    with lock.hold(group.folder):
        for run in runs:
            record = group.record(run)
            if record.state == "running":
                control = Control()
                control.stop(group.plan.profile.grace)
                record = execute(RunTask(group, run), tuple(record.gpu_ids), control)
            elif record.state == "pending":
                at = datetime.now(UTC)
                record.end(Outcome("cancelled", "cancelled", "cancelled before it started", ended_at=at))
                record.write(group.run_dir(run.run_id))
        write_grading_report(group)
