"""Which ended runs may be repeated, and how one is reset to pending: a result stays a result."""

from __future__ import annotations

import os

from mlebench.errors import UsageError
from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord


def is_to_be_done_again(record: RunRecord, *, cancelled_by_name: bool) -> bool:
    """Whether resuming the group repeats an ended run: it failed without a result, or was cancelled with its group."""
    if record.state == "cancelled":
        return not cancelled_by_name
    return record.state == "failed" and record.reason != "budget-exhausted" and not record.has_valid_submission


def may_be_retried(record: RunRecord) -> bool:
    """Whether an ended run may be attempted again without choosing among results."""
    return record.reason != "grader-error" and is_to_be_done_again(record, cancelled_by_name=False)


def require_retriable(group: Group, record: RunRecord) -> None:
    """Refuse another attempt at a run that must not be repeated.

    Raises:
        UsageError: the run has not ended, only lacks its grade, or its end is a result.
    """
    name = record.run_id
    if not record.has_ended:
        raise UsageError(
            f"{name} has not ended ({record.state}), so there is nothing to retry; "
            f"{group.command('runs', group.name, '--watch')} follows it"
        )
    if record.reason == "grader-error":
        raise UsageError(
            f"{name} only lacks its grade; {group.command('run', '--resume', group.name)} grades it, without another attempt"
        )
    if not may_be_retried(record):
        raise UsageError(
            f"{name} is a result ({record.state}), and another attempt would mean choosing among results; start a new group with "
            "`mlebench run --seeds N` for further runs of the competition"
        )


def put_back(group: Group, record: RunRecord) -> None:
    """Reset a run to pending, whoever cancelled it; the caller holds the group's lock."""
    run_dir = group.run_dir(record.run_id)
    for mark in ("cancel", "stop"):
        if os.path.lexists(run_dir / mark):
            (run_dir / mark).unlink()
    record.again()
    record.write(run_dir)
