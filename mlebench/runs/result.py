"""The result of a run: grades its submission and copies what agent and checker recorded into the run's record."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from grading.printable import printable
from grading.report import CompetitionReport
from mlebench._support.plain_files import open_plain
from mlebench._support.secrets import Mask
from mlebench.errors import Interrupted, MlebenchError
from mlebench.gateway.usage import measured_usage
from mlebench.grade.one import Submission
from mlebench.grade.pool import shared_pool
from mlebench.runs.claims import checker_calls, reported_usage
from mlebench.runs.ledgers import ledger_ends, settle_ledgers
from mlebench.runs.missing_submission import what_is_there
from mlebench.runs.record import RunRecord
from mlebench.runs.task import RunTask
from mlebench.runs.usage import NOTHING_USED
from mlebench.sandbox.base import LARGEST_SUBMISSION
from mlebench.sandbox.run_log import RunLog

logger = logging.getLogger("mlebench")
SUBMISSION = Path("submission") / "submission.csv"
"""In a run's folder: the file to grade."""
_SET_BY_GRADING = ("grader-error", "invalid-submission", "no-submission")
"""Reasons that a report can give a run."""
_LONGEST_ERROR = 4000
_BLOCK = 2**20


def grade_run(task: RunTask, record: RunRecord, is_stopped: Callable[[], bool] = lambda: False) -> None:
    """Grade the content of `submission/`, however the run ended; a run that the infrastructure ended is not graded.

    Faults in the agent's files raise nothing: they are recorded, or the file is left out with a line in the run's log.

    Args:
        task: the run.
        record: its record, which receives the report.
        is_stopped: polled; grading is abandoned once it returns true.

    Raises:
        Interrupted: `is_stopped` returned true; the run has no report then.
    """
    secrets = _known_secrets(task)
    note = RunLog(task.run_dir / "run.log", secrets).note
    record.reported_usage = reported_usage(task.run_dir, note, secrets)
    has_gateway = task.group.plan.has_gateway
    settle_ledgers(task.run_dir, has_gateway, note)
    if has_gateway:
        record.usage = measured_usage(task.run_dir, note) or NOTHING_USED.to_dict()
    record.checker_calls, record.refused_checks = checker_calls(task.run_dir, note, secrets)
    record.ledgers = ledger_ends(task.run_dir, has_gateway)
    is_graded = record.failure_class != "infrastructure" and record.state != "cancelled"
    # the stop request records the outcome
    record.submission_sha256 = submission_digest(task.run_dir, is_stopped if is_graded else lambda: False)
    if not is_graded:
        return
    try:
        submission = Submission(record.competition_id, task.run_dir / SUBMISSION, record.seed, record.run_id, within=task.run_dir)
        report = shared_pool().grade(submission, task.competition(), is_stopped=is_stopped)
    except Interrupted:
        raise
    except Exception as error:
        logger.exception("grading of %s failed unexpectedly", task.key)
        record.reason, record.failure_class = "grader-error", "infrastructure"
        record.detail = printable(f"it could not be graded: {error}", _LONGEST_ERROR)
        return
    if report.error is not None:
        report = replace(report, error=Mask(secrets).apply_to_text(report.error))
    book_report(record, kept_report(report, record, task.run_dir, task.group.plan.suite_name))


def book_report(record: RunRecord, report: CompetitionReport) -> None:
    """Store a grading report and the reason it gives the run; an earlier report no longer counts."""
    if record.reason in _SET_BY_GRADING:
        record.reason, record.failure_class, record.detail = "exited", None, None
    record.report = report.to_dict()
    if report.error_kind == "grader_error":
        record.reason, record.failure_class, record.detail = "grader-error", "infrastructure", report.error
    elif not report.valid_submission and record.failure_class is None:
        record.failure_class = "agent"
        record.reason = "invalid-submission" if report.submission_exists else "no-submission"
        record.detail = report.error


def kept_report(report: CompetitionReport, record: RunRecord, run_dir: Path, suite: str | None) -> CompetitionReport:
    """A report as kept with a run: a missing submission is explained by what there is instead, and by the run's end.

    A group can be moved, so paths are relative to its folder. It states the suite of the group's plan: a `suite.yaml` may have
    changed since.
    """
    submission = report.submission_path
    with contextlib.suppress(ValueError):
        submission = Path(submission).relative_to(run_dir.parent).as_posix()
    error = report.error
    if report.error_kind == "missing":
        error = f"no submission: {what_is_there(run_dir, record.resources.get('left_out'))}{_end(record)}"
    error = None if error is None else printable(error, _LONGEST_ERROR)
    return replace(report, submission_path=submission, error=error, suite=suite)


def _end(record: RunRecord) -> str:
    if record.state == "timed-out":
        return "; the agent was stopped at its time limit"
    return f"; the agent exited with code {record.exit_code}" if record.exit_code else ""


def _known_secrets(task: RunTask) -> tuple[str, ...]:
    try:
        return task.masked()
    except MlebenchError:
        return ()


def submission_digest(run_dir: Path, is_stopped: Callable[[], bool] = lambda: False) -> str | None:
    """SHA-256 of the submission; None if there is none that can be graded.

    Raises:
        Interrupted: `is_stopped` returned true.
    """
    digest, left = hashlib.sha256(), LARGEST_SUBMISSION
    try:
        with open_plain(run_dir / SUBMISSION, within=run_dir) as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                left -= len(block)
                if is_stopped():
                    raise Interrupted("grading was interrupted")
                if left < 0:
                    return None
    except OSError:
        return None
    return digest.hexdigest()
