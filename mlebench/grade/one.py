"""Grades or checks one submission."""

from __future__ import annotations

import itertools
import logging
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grading.printable import printable
from grading.report import CompetitionReport, ErrorKind
from grading.submission import InvalidSubmission
from mlebench.errors import UsageError
from mlebench.preparation.record import misfit
from mlebench.registry.competition import prepare_command

if TYPE_CHECKING:
    import pandas as pd

    from mlebench.registry import Competition

logger = logging.getLogger("mlebench")
_MOST_NEIGHBOURS = 10_000


@dataclass(frozen=True)
class _Judgement:
    score: float | None = None
    error_kind: ErrorKind | None = None
    error: str | None = None


def grade_csv(
    path_to_submission: Path | str, competition: Competition, *, live_thresholds: bool = False, **extras: Any
) -> CompetitionReport:
    """Grade one submission.

    Args:
        path_to_submission: the submission. A missing file, or one that is not a .csv, is a report with `submission_exists` false.
        competition: the competition, in the edition that the submission was made for.
        live_thresholds: place the score on the refreshed leaderboard instead of the published thresholds.
        extras: `seed` and `run_id` for the report.

    Returns:
        The report, its score rounded to 5 decimals; with a null score, `error_kind` and `error` say why.

    Raises:
        NotPrepared: the competition's data is not prepared; also a `ValueError`.
        UsageError: its data is from another key or version, or its answers are damaged.
    """
    return grade_against(
        read_answers(competition), Path(path_to_submission), competition, live_thresholds=live_thresholds, **extras
    )


def grade_against(
    answers: pd.DataFrame, path: Path | None, competition: Competition, *, live_thresholds: bool = False, **extras: Any
) -> CompetitionReport:
    """`grade_csv` for a caller that has read the answers; `path` is None where no submission was made."""
    found = _judge(path, competition, answers)
    if found.error_kind not in (None, "grader_error"):
        logger.info("Invalid submission: %s", found.error)
    return CompetitionReport.from_score(
        competition.id,
        None if found.score is None else round(found.score, 5),
        competition.board(live=live_thresholds),
        submission_path="" if path is None else str(path),
        submission_exists=found.error_kind not in ("missing", "not_csv"),
        error_kind=found.error_kind,
        error=found.error,
        **competition.provenance,
        **extras,
    )


def validate_submission(submission: Path | str, competition: Competition) -> tuple[bool, str]:
    """Check a submission with the grader's own code, without telling a score.

    Returns:
        Whether it is valid, and a sentence that says what is wrong if it is not.

    Raises:
        NotPrepared: there is a file to check and the competition's data is not prepared; also a `ValueError`.
        UsageError: its data is from another key or version, or its answers are damaged.
    """
    path = Path(submission)
    found = _no_csv(path) or _judge(path, competition, read_answers(competition))
    return (True, "Submission is valid.") if found.error_kind is None else (False, found.error or "")


def read_answers(competition: Competition) -> pd.DataFrame:
    """The answers as the grader reads them.

    Raises:
        NotPrepared: the competition's data is not prepared; also a `ValueError`.
        UsageError: its data is from another key or version, or its answers are damaged.
    """
    if problem := misfit(competition):
        raise UsageError(problem)
    try:
        return competition.answers_table
    except InvalidSubmission as error:
        raise UsageError(
            f"{competition.answers} is damaged: {error}; `{prepare_command([competition], ['--force'])}` prepares it again"
        ) from None


def _judge(submission: Path | None, competition: Competition, answers: pd.DataFrame) -> _Judgement:
    if found := _no_csv(submission):
        return found
    assert submission is not None
    try:
        submission.open("rb").close()
    except OSError as error:
        # its mode is the agent's, too
        return _Judgement(error_kind="invalid", error=f"{_shown(submission)} cannot be read ({_reason(error)}); make it readable")
    try:
        return _Judgement(score=competition.grader.score_file(submission, answers))
    except InvalidSubmission as error:
        return _Judgement(error_kind="invalid", error=str(error))
    except Exception:
        # whatever else goes wrong is our fault and must never count as the agent's
        logger.exception("the grader of %s failed on %s", competition.id, _shown(submission))
        return _Judgement(error_kind="grader_error", error=f"the grader of {competition.id} failed; the log holds its traceback")


def _no_csv(submission: Path | None) -> _Judgement | None:
    """What to say of a path where no csv file lies; None where there is one."""
    if submission is None:
        return _Judgement(error_kind="missing", error="no submission was made: its path is null")
    try:
        mode = submission.stat().st_mode
    except (OSError, ValueError) as error:
        if not isinstance(error, FileNotFoundError):
            # a name that no file can have is missing like any other
            what = f"is missing ({_reason(error)}); submit a csv file"
        elif submission.is_symlink():
            what = "is a link to a file that is not there; submit the file itself"
        else:
            what = f"is missing; submit a csv file{_what_lies_beside(submission)}"
        return _Judgement(error_kind="missing", error=f"{_shown(submission)} {what}")
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        return _Judgement(error_kind="missing", error=f"{_shown(submission)} is {what}; submit a csv file")
    if submission.suffix.lower() != ".csv":
        return _Judgement(error_kind="not_csv", error=f"{_shown(submission)} is not a .csv file{_what_lies_beside(submission)}")
    return None


def _what_lies_beside(submission: Path) -> str:
    """A hint at a file that may be meant: other capitals, another ending."""
    try:
        with os.scandir(submission.parent) as entries:
            names = [entry.name for entry in itertools.islice(entries, _MOST_NEIGHBOURS)]
    except OSError:
        return ""
    stem = submission.name.split(".")[0].lower()
    near = sorted(name for name in names if name != submission.name and name.split(".")[0].lower().strip() == stem)
    if not near:
        return ""
    shown = ", ".join(f"`{printable(name)}`" for name in near[:3])
    return f"; {shown} {'lies' if len(near) == 1 else 'lie'} beside it: write the table to `submission.csv`, in plain csv text"


def _reason(error: Exception) -> str:
    return printable(str(getattr(error, "strerror", None) or error)).lower()


def _shown(path: Path) -> str:
    return printable(str(path), 300)
