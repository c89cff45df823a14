"""What a run came to: its submission graded, and what agent and checker wrote down taken into the record."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

from mlebench.grade import grade_csv
from mlebench.runs.record import CHECKER_CALLS, RunRecord
from mlebench.runs.task import RunTask

logger = logging.getLogger("mlebench")
_SET_BY_GRADING = ("grader-error", "invalid-submission", "no-submission")
"""Reasons that a report gives a run."""
_LARGEST_USAGE_FILE = 2**20


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
        logger.exception("grading of %s failed unexpectedly", task.key)
        record.reason, record.failure_class = "grader-error", "infrastructure"
        record.detail = f"it could not be graded: {error}"
        return
    book_report(record, report)


def book_report(record: RunRecord, report: dict[str, Any]) -> None:
    """Note a grading report and what it tells of the run's end; what an earlier report said no longer counts."""
    if record.reason in _SET_BY_GRADING:
        record.reason, record.failure_class, record.detail = "exited", None, None
    record.report = report
    if report["error_kind"] == "grader_error":
        record.reason, record.failure_class, record.detail = "grader-error", "infrastructure", report["error"]
    elif not report["valid_submission"] and record.failure_class is None:
        record.failure_class = "agent"
        record.reason = "invalid-submission" if report["submission_exists"] else "no-submission"
        record.detail = report["error"]


def _report(task: RunTask, record: RunRecord, submission: Path) -> dict[str, Any]:
    report = grade_csv(submission, task.competition(), seed=record.seed, run_id=record.run_id)
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
