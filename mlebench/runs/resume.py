"""Makes a run group ready to go on: refuses a changed plan, puts back to pending what has to be done again."""

from __future__ import annotations

from mlebench.errors import UsageError
from mlebench.registry.edition import Edition
from mlebench.registry.keys import named_key
from mlebench.runs.experiment import current_plan
from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord
from mlebench.runs.worker import RunTask, grade_run


def check_unchanged(group: Group, split_key: str | None) -> None:
    """Refuse to mix runs of different plans.

    Args:
        group: the group to go on with.
        split_key: the secret key of edition v2 that is given now.

    Raises:
        UsageError: with the difference between the frozen plan and the one that would be made now.
    """
    plan = group.plan
    key_hash = Edition(plan.edition, plan.competitions[0], named_key(split_key)).key_hash
    if key_hash != plan.split_key_hash:
        raise UsageError(
            f"{group.name} was made with another split key (hash {plan.split_key_hash}, now {key_hash}); "
            "give the same one with `--split-key` or MLEBENCH_SPLIT_KEY"
        )
    lines = group.plan.differences(current_plan(group.plan))
    if lines:
        shown = "\n  ".join(lines[:20])
        raise UsageError(
            f"the plan of {group.name} has changed since it was made:\n  {shown}\n"
            "put it back, or start a new group with `mlebench run` (without `--resume`)"
        )


def make_ready(group: Group, split_key: str | None = None) -> None:
    """Put back to pending what failed or was interrupted, and grade what only lacks its grade.

    A run whose record says running stays so: it may be alive. Finished and timed-out runs are results, whatever they
    scored, as is a failed one whose submission was valid; a run that was cancelled by name stays cancelled.
    """
    (group.folder / "cancel").unlink(missing_ok=True)
    for run in group.plan.runs:
        record = group.record(run)
        run_dir = group.run_dir(run.run_id)
        (run_dir / "stop").unlink(missing_ok=True)
        if record.reason == "grader-error":
            _grade_again(RunTask(group, run, split_key=split_key), record)
        elif _is_to_be_done_again(record, cancelled_by_name=(run_dir / "cancel").exists()):
            record.again()
            record.write(run_dir)


def _is_to_be_done_again(record: RunRecord, *, cancelled_by_name: bool) -> bool:
    if record.state == "cancelled":
        return not cancelled_by_name
    return record.state == "failed" and not record.has_valid_submission


def _grade_again(task: RunTask, record: RunRecord) -> None:
    record.failure_class = "agent" if record.state in ("failed", "timed-out") else None
    record.reason, record.detail = "graded-again", "graded again after a fault of the grader"
    grade_run(task, record)
    record.write(task.run_dir)
