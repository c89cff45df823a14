"""Prepares a run group for resuming: refuses changed conditions and resets runs to pending that must be repeated."""

from __future__ import annotations

import os

from mlebench.errors import UsageError
from mlebench.registry.edition import Edition
from mlebench.registry.keys import named_key
from mlebench.runs.agent_files import changed_files
from mlebench.runs.another_attempt import is_to_be_done_again
from mlebench.runs.conditions import Conditions
from mlebench.runs.executors import get_executor
from mlebench.runs.experiment import current_plan
from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord
from mlebench.runs.result import grade_run
from mlebench.runs.settings import RunSettings
from mlebench.runs.task import RunTask, Secrets

_SHOWN = 3


def check_unchanged(group: Group, split_key: str | None) -> None:
    """Refuse to mix runs made under different conditions.

    Args:
        group: the group to continue.
        split_key: the secret key of edition v2 given now.

    Raises:
        UsageError: the current conditions differ from those of the group; the message lists the differing parts.
    """
    plan = group.plan
    key_hash = Edition(plan.edition, plan.competitions[0], named_key(split_key)).key_hash
    if key_hash != plan.split_key_hash:
        raise UsageError(
            f"{group.name} was made with another split key (hash {plan.split_key_hash}, now {key_hash}); "
            "give the same one with `--split-key` or MLEBENCH_SPLIT_KEY"
        )
    now = current_plan(plan)
    changed = group.conditions.differences(Conditions.of(now))
    # an older group, from before conditions were kept, is compared only in what it states
    if changed and group.conditions.differences(Conditions.recorded({"manifest": group.manifest}, now)):
        files = changed_files(group.manifest.get("agent_files"), now.agent)
        raise UsageError(
            f"the conditions of {group.name} have changed since it was made: {'; '.join(changed)}; "
            f"{f'changed files of the agent: {files}; ' if files else ''}"
            "restore them, or start a new group with `mlebench run` (without `--resume`)"
        )


def check_movable(group: Group, settings: RunSettings) -> None:
    """Refuse to continue a group on another executor while its own may still hold its runs.

    Raises:
        UsageError: there are such runs; the message lists them.
    """
    was = group.settings
    if (settings.executor, settings.address) == (was.executor, was.address):
        return
    if all(record.has_ended for record in group.records()):
        return
    try:
        executor = get_executor(was)
    except UsageError:
        # a Ray cluster whose head is gone holds nothing; runs are searched on its machines by name
        if settings.executor == was.executor:
            return
        raise
    try:
        held = [run.run_id for run in executor.may_hold(group)]
    finally:
        executor.close()
    if held:
        shown = ", ".join(held[:_SHOWN]) + (f" and {len(held) - _SHOWN} more" if len(held) > _SHOWN else "")
        raise UsageError(
            f"executor {was.executor} may still hold {shown}; resume {group.name} without `--executor` and `--address`, or "
            f"cancel it first with {group.command('runs', group.name, '--cancel')}"
        )


def make_ready(group: Group, secrets: Secrets | None = None) -> None:
    """Reset failed or interrupted runs to pending, and grade those that only lack a grade.

    A run whose record says running keeps that state: it may be alive. Finished and timed-out runs are results, whatever their
    score, as are runs that spent their budget and failed runs with a valid submission; a run cancelled by name stays cancelled.
    """
    (group.folder / "cancel").unlink(missing_ok=True)
    for run in group.plan.runs:
        record = group.record(run)
        run_dir = group.run_dir(run.run_id)
        (run_dir / "stop").unlink(missing_ok=True)
        if record.reason == "grader-error":
            _grade_again(RunTask(group, run, secrets or Secrets()), record)
        elif is_to_be_done_again(record, cancelled_by_name=os.path.lexists(run_dir / "cancel")):
            record.again()
            record.write(run_dir)


def _grade_again(task: RunTask, record: RunRecord) -> None:
    record.failure_class = "agent" if record.state in ("failed", "timed-out") else None
    record.reason, record.detail = "graded-again", "graded again after a grader failure"
    grade_run(task, record)
    record.write(task.run_dir)
