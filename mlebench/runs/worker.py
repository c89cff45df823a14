"""Does one run from start to report, wherever an executor puts it: in a thread here, a Ray task, a Slurm job.

Everything is written to the run's folder as it happens, so that whoever comes after a crash can go on from there.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import os
import shutil
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from mlebench._support import paths
from mlebench._support.secrets import find_secrets
from mlebench.errors import MlebenchError
from mlebench.grade import grade_csv, validate_submission
from mlebench.registry import Competition, Registry
from mlebench.registry.facts import EditionName
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan, PlannedRun
from mlebench.runs.record import RunRecord, now
from mlebench.sandbox.base import OUTPUT_FOLDERS, Handle, Outcome, RunRequest, StartFailed
from mlebench.sandbox.choose import get_sandbox
from mlebench.sandbox.ending import drop_ending, kept_ending

logger = logging.getLogger("mlebench")
CHECKER_CALLS = "checker_calls.jsonl"
"""In a run's folder: every call of the submission checker, with time and verdict."""
_VERDICTS = ("grader-error", "invalid-submission", "no-submission")
_loading = threading.Lock()
_LARGEST_USAGE_FILE = 2**20
_CANCEL_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class RunTask:
    """What an executor carries to the place where a run happens."""

    group: Group
    run: PlannedRun
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secret values by name; an executor that writes its tasks down leaves them out."""
    split_key: str | None = field(default=None, repr=False)
    keep: bool = False

    @property
    def key(self) -> str:
        """Unique over all groups of one machine."""
        return f"{self.group.name}/{self.run.run_id}"

    @property
    def run_dir(self) -> Path:
        """The run's folder."""
        return self.group.run_dir(self.run.run_id)

    def without_secrets(self) -> RunTask:
        """The same task, to be written down; the place where it happens finds the secrets itself."""
        return replace(self, secrets={}, split_key=None)


class Control:
    """Lets another thread stop a run or leave it alone while it is being waited for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._handle: Handle | None = None
        self._asked: Callable[[Handle], None] | None = None
        self.instead: Outcome | None = None
        """What becomes of a run that has not started when it is asked to stop or is left alone."""
        self.lost: Outcome | None = None
        """The end of a run whose place is taken away."""

    def stop(self, grace: float) -> None:
        """Stop the run; it ends as cancelled."""
        self._ask(lambda handle: handle.stop(grace), Outcome("cancelled", "cancelled", "cancelled before it started"))

    def lose(self, detail: str, grace: float) -> None:
        """The place is being taken away: stop the run, and book its end as the infrastructure's failure."""
        self.lost = Outcome("failed", "place-lost", detail, failure_class="infrastructure")
        self._ask(lambda handle: handle.stop(grace), self.lost)

    def detach(self) -> None:
        """Leave the agent at work without a harness."""
        self._ask(lambda handle: handle.detach(), Outcome("cancelled", "detached", "left before it started"))

    def watch(self, handle: Handle) -> None:
        """From now on requests go to `handle`; one that came before is passed on."""
        with self._lock:
            self._handle = handle
            asked = self._asked
        if asked is not None:
            asked(handle)

    def _ask(self, request: Callable[[Handle], None], instead: Outcome) -> None:
        with self._lock:
            self._asked, self.instead = request, instead
            handle = self._handle
        if handle is not None:
            request(handle)


def execute(task: RunTask, gpu_ids: tuple[str, ...], control: Control | None = None, place: str | None = None) -> RunRecord:
    """Do a run, or go on with one that an earlier harness started, and grade it.

    Args:
        task: the run.
        gpu_ids: GPUs that are booked for it.
        control: through which it can be stopped.
        place: what the executor calls this place; goes into the record.

    Returns:
        the record as it stands in `run.json`; state running when the run was detached.
    """
    control = control or Control()
    record = task.group.record(task.run)
    if record.has_ended:
        return record
    try:
        outcome = _play(task, record, gpu_ids, control, place)
    except StartFailed as failure:
        outcome = failure.outcome
    except MlebenchError as error:
        outcome = Outcome("failed", "not-ready", str(error), failure_class="infrastructure")
    except Exception as error:
        logger.exception("run %s broke off", task.key)
        outcome = Outcome(
            "failed", "harness-error", f"the harness failed: {type(error).__name__}: {error}", failure_class="infrastructure"
        )
    if outcome.reason == "detached":
        return record
    if control.lost is not None:
        outcome = replace(control.lost, started_at=outcome.started_at, ended_at=outcome.ended_at, resources=outcome.resources)
    if record.state == "pending":
        record.begin(socket.gethostname(), list(gpu_ids), place)
    record.end(outcome)
    grade_run(task, record)
    record.write(task.run_dir)
    drop_ending(task.run_dir)
    return record


def _play(task: RunTask, record: RunRecord, gpu_ids: tuple[str, ...], control: Control, place: str | None) -> Outcome:
    sandbox = get_sandbox(task.group.plan.sandbox)
    attaching = record.state == "running"
    if not attaching:
        if record.attempt:
            set_aside(task.run_dir, record.attempt)
        record.begin(socket.gethostname(), list(gpu_ids), place)
        record.write(task.run_dir)
    request = make_request(task, record)
    handle = sandbox.attach(request) if attaching else None
    if attaching and handle is None and (ending := kept_ending(task.run_dir, record.attempt)) is not None:
        return ending
    if handle is None and record.started_at is None:
        # nothing has started yet: new, or an earlier harness died just before
        if control.instead is not None:
            return control.instead
        _require_planned_agent(task.group.plan)
        handle = sandbox.start(request)
    if handle is None:
        return Outcome(
            "failed", "lost", "nothing is left of it since the harness was interrupted", failure_class="infrastructure"
        )
    record.started_at = handle.started_at.isoformat()
    record.write(task.run_dir)
    control.watch(handle)
    with _cancel_watch(task, control):
        return handle.wait(handle.started_at + timedelta(seconds=request.profile.time_limit))


def _require_planned_agent(plan: Plan) -> None:
    """Refuse to put runs of an agent that was edited meanwhile beside those of the agent that the group was made for."""
    if plan.agent_fingerprint and plan.agent.fingerprint() != plan.agent_fingerprint:
        raise StartFailed(
            "agent-changed",
            f"{plan.agent.directory} has changed, or is gone, since the group was made; put it back and `--resume` the group, "
            "or start a new one",
        )


def make_request(task: RunTask, record: RunRecord) -> RunRequest:
    """All that the sandbox may know of a run.

    Raises:
        UsageError: a secret is missing, or the competition is not known here.
    """
    plan = task.group.plan
    competition = _competition(task, record.competition_id)
    if not competition.public_dir.is_dir():
        raise MlebenchError(f"{competition.id} is not prepared in {plan.data_dir}; `mlebench prepare {competition.id}` does it")
    secrets = find_secrets(plan.agent.secret_names) | dict(task.secrets)
    return RunRequest(
        run_id=record.run_id,
        group=task.group.name,
        attempt=record.attempt,
        competition_id=record.competition_id,
        seed=record.seed,
        public_dir=competition.public_dir,
        description=_task_text(plan, competition),
        instructions=instructions(plan.obfuscated),
        agent=plan.agent,
        profile=plan.profile,
        run_dir=task.run_dir,
        environment=plan.agent.resolve_environment(secrets),
        secrets=tuple(secrets[name] for name in plan.agent.secret_names if name in secrets),
        gpu_ids=tuple(record.gpu_ids),
        validate=lambda path: _noted(validate_submission(path, competition), task.run_dir / CHECKER_CALLS),
        obfuscated=plan.obfuscated,
        keep=task.keep,
    )


def _task_text(plan: Plan, competition: Competition) -> str:
    if plan.obfuscated:
        return competition.description_obfuscated
    if plan.profile.task_text == "kaggle":
        from mlebench.kaggle.pages import task_text

        return task_text(competition)
    return competition.description


def _competition(task: RunTask, name: str) -> Competition:
    plan = task.group.plan
    key = task.split_key or (os.environ.get("MLEBENCH_SPLIT_KEY") if plan.split_key_hash else None)
    # libraries that two threads import at the same time are seen half-made; and a grader that cannot be loaded
    # is better known before the agent has worked for a day
    with _loading:
        competition = load_competition(plan.data_dir, plan.edition, key, name)
        competition.grader  # noqa: B018
    return competition


@functools.lru_cache(maxsize=4)
def load_competition(data_dir: Path, edition: EditionName, split_key: str | None, name: str) -> Competition:
    """A competition, kept with its answers for the runs that follow; few are kept, as answers can be large."""
    return Registry().set_data_dir(data_dir).set_edition(edition, split_key).get_competition(name)


def instructions(obfuscated: bool) -> str:
    """The text of `home/instructions.txt`."""
    name = "instructions_obfuscated.txt" if obfuscated else "instructions.txt"
    return (paths.content_dir("containers") / name).read_text(encoding="utf-8")


def set_aside(run_dir: Path, attempt: int) -> None:
    """Move what an earlier attempt left to `attempts/<n>/`."""
    kept = run_dir / "attempts" / str(attempt)
    kept.mkdir(parents=True, exist_ok=True)
    for name in ("run.log", CHECKER_CALLS, *OUTPUT_FOLDERS, "snapshots"):
        with contextlib.suppress(FileNotFoundError):
            (run_dir / name).replace(kept / name)
    shutil.rmtree(run_dir / "home", ignore_errors=True)


def grade_run(task: RunTask, record: RunRecord) -> None:
    """Grade what stands in `submission/`, whatever the end was; a run that the infrastructure ended is not graded."""
    submission = task.run_dir / "submission" / "submission.csv"
    record.usage = _reported_usage(task.run_dir / "logs" / "usage.json")
    record.checker_calls = _checker_calls(task.run_dir / CHECKER_CALLS)
    record.submission_sha256 = _sha256(submission)
    if record.failure_class == "infrastructure" or record.state == "cancelled":
        return
    try:
        report = _report(task, record, submission)
    except Exception as error:
        logger.exception("grading of %s broke off", task.key)
        record.reason, record.failure_class = "grader-error", "infrastructure"
        record.detail = f"it could not be graded: {error}"
        return
    book_report(record, report)


def book_report(record: RunRecord, report: dict[str, Any]) -> None:
    """Note a grading report and what it tells of the run's end; an earlier report's verdict no longer counts."""
    if record.reason in _VERDICTS:
        record.reason, record.failure_class, record.detail = "exited", None, None
    record.report = report
    if report["error_kind"] == "grader_error":
        record.reason, record.failure_class, record.detail = "grader-error", "infrastructure", report["error"]
    elif not report["valid_submission"] and record.failure_class is None:
        record.failure_class = "agent"
        record.reason = "invalid-submission" if report["submission_exists"] else "no-submission"
        record.detail = report["error"]


def _report(task: RunTask, record: RunRecord, submission: Path) -> dict[str, Any]:
    competition = _competition(task, record.competition_id)
    report = grade_csv(submission, competition, seed=record.seed, run_id=record.run_id)
    # a group can be moved: paths in its report count from its folder
    return {**report.to_dict(), "submission_path": submission.relative_to(task.group.folder).as_posix()}


def _reported_usage(path: Path) -> dict[str, Any]:
    """Numbers and names that the agent wrote down; a file that is no flat JSON object is left alone."""
    try:
        if path.is_symlink() or path.stat().st_size > _LARGEST_USAGE_FILE:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=str)
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {str(key): value for key, value in content.items() if isinstance(value, (int, float, str))}


def _noted(verdict: tuple[bool, str], journal: Path) -> tuple[bool, str]:
    """Write a call of the submission checker down at once, so that it outlives the harness."""
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"at": now(), "valid": verdict[0]}) + "\n")
    return verdict


def _checker_calls(journal: Path) -> list[dict[str, Any]]:
    try:
        lines = journal.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    # the last line is cut where the harness was killed
    return [json.loads(line) for line in lines if line.endswith("}")]


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


class _cancel_watch:
    """While it is entered, a file `cancel` in the run's or the group's folder stops the run.

    A file `stop` does the same for an executor that has no other way to reach the run.
    """

    def __init__(self, task: RunTask, control: Control) -> None:
        self._marks = (task.run_dir / "cancel", task.run_dir / "stop", task.group.folder / "cancel")
        self._grace = task.group.plan.profile.grace
        self._control = control
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name=f"cancel {task.key}", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _look(self) -> None:
        while not self._over.wait(_CANCEL_LOOK_SECONDS):
            if any(mark.exists() for mark in self._marks):
                self._control.stop(self._grace)
                return
