"""Cancels runs from outside their harness: through a marker file that the harness polls, or else through the executor."""

from __future__ import annotations

from mlebench.errors import UsageError
from mlebench.runs import lock
from mlebench.runs.executors import get_executor
from mlebench.runs.executors.base import Executor
from mlebench.runs.group import Group
from mlebench.runs.group_report import write_grading_report
from mlebench.runs.harness_status import is_at_work
from mlebench.runs.orders import tell_cancelled
from mlebench.runs.plan import PlannedRun
from mlebench.runs.task import RunTask
from mlebench.sandbox.base import Outcome

_LOOK_SECONDS = 1.0


def cancel_run(group: Group, run_id: str) -> None:
    """Cancel one run; it stays cancelled when the group is resumed.

    Raises:
        UsageError: it has already ended.
    """
    group.refuse_imported("cancelled")
    run = next(run for run in group.plan.runs if run.run_id == run_id)
    record = group.record(run)
    if record.has_ended:
        raise UsageError(f"{run_id} has already ended ({record.state}); {group.command('runs', group.name)} shows it")
    (group.run_dir(run_id) / "cancel").touch()
    if is_at_work(group.folder):
        tell_cancelled(group, run_id)
    else:
        _cancel_without_harness(group, [run])


def cancel_group(group: Group) -> int:
    """Cancel every run that has not ended; resuming the group continues with them.

    Returns:
        the number of runs cancelled.

    Raises:
        UsageError: every run has ended.
    """
    group.refuse_imported("cancelled")
    left = [run for run in group.plan.runs if not group.record(run).has_ended]
    if not left:
        raise UsageError(f"every run of {group.name} has ended; {group.command('runs', group.name)} shows them")
    (group.folder / "cancel").touch()
    if not is_at_work(group.folder):
        _cancel_without_harness(group, left)
    return len(left)


def _cancel_without_harness(group: Group, runs: list[PlannedRun]) -> None:
    with lock.hold(group.folder):
        executor = get_executor(group.settings)
        try:
            _stop(executor, [RunTask(group, run) for run in executor.may_hold(group) if run in runs])
        finally:
            executor.close()
        for run in runs:
            record = group.record(run)
            if not record.has_ended:
                when = "before it started" if record.state == "pending" else "after it had disappeared"
                record.end(Outcome("cancelled", "cancelled", f"cancelled {when}"))
                record.write(group.run_dir(run.run_id))
        write_grading_report(group)


def _stop(executor: Executor, tasks: list[RunTask]) -> None:
    """Stop what the executor still runs for an earlier harness, and wait until it has ended."""
    left = set()
    for task in tasks:
        if executor.submit(task):
            left.add(task.key)
            executor.stop(task.key, task.group.plan.profile.grace)
    while left:
        left -= {ended.key for ended in executor.wait(_LOOK_SECONDS)}
