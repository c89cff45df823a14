"""Executes one run from start to report, wherever an executor puts it: in a thread here, a Ray task or a Slurm job.

Everything is written to the run's folder as it happens, so that the run can be continued from there after a crash.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import socket
import stat
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from mlebench._support.folders import remove_tree
from mlebench.errors import Interrupted, MlebenchError, StartFailed
from mlebench.gateway.transcript import FOLDER as TRANSCRIPTS
from mlebench.runs.attempts import FOLDER
from mlebench.runs.control import Control, StopMarks
from mlebench.runs.cores import Cores
from mlebench.runs.fence import Fence
from mlebench.runs.ledgers import ledger_names, ledger_path
from mlebench.runs.measures import FILE as MEASURES
from mlebench.runs.measuring import Measuring
from mlebench.runs.plan import Plan
from mlebench.runs.record import RunRecord
from mlebench.runs.request import make_request
from mlebench.runs.result import grade_run
from mlebench.runs.task import RunTask
from mlebench.sandbox import get_sandbox
from mlebench.sandbox.base import OUTPUT_FOLDERS, Handle, Outcome, Sandbox
from mlebench.sandbox.kept_outcome import drop_outcome, kept_outcome

logger = logging.getLogger("mlebench")


@dataclass(frozen=True)
class Place:
    """Where a run is executed."""

    id: str | None = None
    """The executor's name for it; None on the harness's own machine."""
    node: str = field(default_factory=socket.gethostname)
    """The machine's name; the run is searched there again."""


def execute(task: RunTask, gpu_ids: tuple[str, ...], control: Control | None = None, place: Place | None = None) -> RunRecord:
    """Execute a run, or continue one that an earlier harness started, and grade it.

    Args:
        task: the run.
        gpu_ids: GPUs booked for it.
        control: used to stop or detach it.
        place: this place, for the record.

    Returns:
        the record as in `run.json`. Its state is running if the run was detached, or asked to stop while its submission was
        graded, which resuming the group repeats. If another place has taken over the run, the record is that of its attempt.
    """
    control = control or Control()
    place = place or Place()
    record = task.group.record(task.run)
    if record.has_ended:
        return record
    try:
        outcome = _play(task, record, gpu_ids, control, place)
    except StartFailed as failure:
        outcome = Outcome("failed", failure.reason, failure.detail, failure_class=failure.failure_class)
    except MlebenchError as error:
        outcome = Outcome("failed", "not-ready", str(error), failure_class="infrastructure")
    except Exception as error:
        logger.exception("run %s failed unexpectedly", task.key)
        outcome = Outcome(
            "failed", "harness-error", f"the harness failed: {type(error).__name__}: {error}", failure_class="infrastructure"
        )
    if control.has_given_up or (record.state == "running" and Fence(task, record, control).is_crossed()):
        return task.group.record(task.run)
    if outcome.reason == "detached":
        return record
    if control.lost is not None:
        outcome = replace(control.lost, started_at=outcome.started_at, ended_at=outcome.ended_at, resources=outcome.resources)
    if record.state == "pending":
        record.begin(place.node, list(gpu_ids), place.id)
    standing = copy.deepcopy(record)
    record.end(outcome)
    try:
        grade_run(task, record, lambda: control.is_asked)
    except Interrupted:
        # the outcome file stays until the record holds it
        return standing
    record.write(task.run_dir)
    drop_outcome(task.run_dir)
    return record


def _play(task: RunTask, record: RunRecord, gpu_ids: tuple[str, ...], control: Control, place: Place) -> Outcome:
    with contextlib.closing(Cores()) as cores:
        return _play_on(cores, task, record, gpu_ids, control, place)


def _play_on(cores: Cores, task: RunTask, record: RunRecord, gpu_ids: tuple[str, ...], control: Control, place: Place) -> Outcome:
    plan = task.group.plan
    sandbox = get_sandbox(plan.sandbox)
    attaching = record.state == "running"
    if attaching:
        cores.take_again(plan.profile.cpus, record.cpu_ids)
    else:
        if record.attempt:
            set_aside(task.run_dir, record.attempt)
        record.begin(place.node, list(gpu_ids), place.id)
        record.write(task.run_dir)
    handle = _attach_or_start(sandbox, cores, task, record, control, attaching=attaching)
    if isinstance(handle, Outcome):
        return handle
    # another place that still waits for it notices that this one has taken over
    record.node, record.place = place.node, place.id
    record.started_at = handle.started_at.isoformat()
    record.cpu_ids = list(handle.cpu_ids)
    record.write(task.run_dir)
    control.take(handle)
    with StopMarks(task, control), Fence(task, record, control), Measuring(task, handle, record.gpu_ids):
        return handle.wait(handle.started_at + timedelta(seconds=plan.profile.time_limit))


def _attach_or_start(
    sandbox: Sandbox, cores: Cores, task: RunTask, record: RunRecord, control: Control, *, attaching: bool
) -> Handle | Outcome:
    """The attempt to wait for, or its outcome if there is nothing to wait for."""
    if attaching:
        if (handle := sandbox.attach(make_request(task, record))) is not None:
            return handle
        if (outcome := kept_outcome(task.run_dir, record.attempt)) is not None:
            return outcome
    if record.started_at is None:
        # nothing has started yet: a new run, or an earlier harness died just before
        if control.instead is not None:
            return control.instead
        _require_planned_agent(task.group.plan)
        # those of a failed start may belong to another machine
        cores.close()
        record.cpu_ids = list(cores.take(task.group.plan.profile.cpus, sandbox.cores()))
        record.write(task.run_dir)
        return sandbox.start(make_request(task, record))
    return Outcome("failed", "lost", "nothing of it was found after the harness was interrupted", failure_class="infrastructure")


def _require_planned_agent(plan: Plan) -> None:
    """Refuse to mix runs of an agent that was edited meanwhile with those of the group's original agent."""
    if plan.agent_fingerprint and plan.agent.fingerprint() != plan.agent_fingerprint:
        raise StartFailed(
            "agent-changed",
            f"{plan.agent.directory} has changed or been removed since the group was created; restore it and resume the group "
            f"with `--resume`, "
            "or start a new one",
        )


def set_aside(run_dir: Path, attempt: int) -> None:
    """Move the files of an earlier attempt to `attempts/<n>/`."""
    kept = run_dir / FOLDER / str(attempt)
    kept.mkdir(parents=True, exist_ok=True)
    ledger_files = [ledger_path(run_dir, name).name for name in ledger_names(has_gateway=True)]
    for name in ("run.log", MEASURES, *ledger_files, TRANSCRIPTS, *OUTPUT_FOLDERS, "snapshots"):
        path = run_dir / name
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISDIR(path.lstat().st_mode):
                # a folder that its owner cannot write to cannot be moved
                path.chmod(0o755)
            path.replace(kept / name)
    remove_tree(run_dir / "home")
