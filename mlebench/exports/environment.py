"""A competition as an environment for training: reset, submit, and what a submission was worth.

    environment = Environment(competition, most_submissions=10, answers="verdict")
    task = environment.reset()
    outcome = environment.submit("submission.csv")

It has the form of Gym's environments and needs no such package. The public data is what a policy may read; whoever gives it
scores of the test set trains on that test set, so a submission returns
its score only where `answers` says so, and each is counted.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from grading.report import CompetitionReport
from grading.wording import counted
from mlebench._support.plain_files import open_plain
from mlebench.errors import UsageError, WorkFailed
from mlebench.grade.one import Submission
from mlebench.grade.pool import shared_pool
from mlebench.registry import Competition
from mlebench.runs.given import task_text, unprepared
from mlebench.sandbox.base import LARGEST_SUBMISSION

if TYPE_CHECKING:
    import pandas as pd

Answers = Literal["score", "verdict"]
_BLOCK = 2**20


@dataclass(frozen=True)
class Task:
    """What an episode begins with."""

    competition_id: str
    description: str
    public_dir: Path
    """The public data; to be read, not written."""
    submissions_left: int
    is_lower_better: bool


@dataclass(frozen=True)
class Outcome:
    """What a submission was worth."""

    valid: bool
    message: str
    """Why it is not valid."""
    score: float | None
    """None where it is not valid, or where scores are not told."""
    submissions_left: int
    sha256: str | None
    """Of what was submitted; None where there was no file."""

    @property
    def is_last(self) -> bool:
        """Whether the episode is over."""
        return self.submissions_left == 0


class Environment:
    """One competition, for as many episodes as are asked for; every submission of an episode stands in `record`."""

    def __init__(self, competition: Competition, *, most_submissions: int, answers: Answers = "verdict") -> None:
        """Args:
            competition: prepared.
            most_submissions: of an episode.
            answers: `verdict` returns whether a submission is valid and why not, `score` also its score.

        Raises:
            UsageError: the competition is not prepared, or a setting is none.
        """
        if problems := unprepared([competition]):
            raise UsageError("; ".join(problems))
        if most_submissions < 1 or answers not in ("score", "verdict"):
            raise UsageError('give `most_submissions` of at least 1, and `answers` as "score" or "verdict"')
        self._competition, self._most, self._answers = competition, most_submissions, answers
        self.record: list[Outcome] = []
        """The submissions of this episode, in order."""

    def reset(self) -> Task:
        """Begin an episode, with all its submissions."""
        self.record = []
        competition = self._competition
        text = task_text(competition, obfuscated=False)
        return Task(competition.id, text, competition.public_dir, self._most, competition.is_lower_better)

    def submit(self, submission: Path | str | pd.DataFrame) -> Outcome:
        """Submit a csv file, or a table that is written as one. Only a plain file is read, and no link is followed.

        Raises:
            UsageError: the episode has no submission left.
            WorkFailed: the grader is at fault, or the disk is full; the submission is not counted.
        """
        left = self._most - len(self.record)
        if left == 0:
            limit = counted(self._most, "submission")
            raise UsageError(f"the limit of {limit} per episode is reached; `reset()` starts another episode")
        with tempfile.TemporaryDirectory(prefix="mlebench-environment-") as folder:
            file = Path(folder) / "submission.csv"
            reason = _copy(submission, file)
            digest = None if reason else _sha256(file)
            valid, message, score = (False, reason, None) if reason else self._judge(file)
        self.record.append(Outcome(valid, message, score, left - 1, digest))
        return self.record[-1]

    def _judge(self, file: Path) -> tuple[bool, str, float | None]:
        submission = Submission(self._competition.id, file, within=file.parent)
        if self._answers == "verdict":
            valid, message = shared_pool().check(submission, self._competition)
            return valid, "" if valid else message.replace(str(file), file.name), None
        report: CompetitionReport = shared_pool().grade(submission, self._competition)
        if report.error_kind == "grader_error":
            raise WorkFailed(f"{self._competition.id} could not be graded: {report.error}")
        return report.valid_submission, (report.error or "").replace(str(file), file.name), report.score


def _copy(submission: Any, target: Path) -> str:
    """Copy a file or write a table; returns why not, nothing if there is one now."""
    try:
        source = open_plain(Path(submission).absolute()) if isinstance(submission, (str, Path)) else None
    except OSError as error:
        return f"the submission cannot be read: {error.strerror}"
    try:
        if source is None:
            submission.to_csv(target, index=False)
            return ""
        with source, target.open("wb") as copy:
            return _copy_bounded(source, copy)
    except OSError as error:
        raise WorkFailed(f"cannot write the submission to {target.parent}: {error.strerror}") from None


def _copy_bounded(source: IO[bytes], target: IO[bytes]) -> str:
    left = LARGEST_SUBMISSION
    while block := source.read(_BLOCK):
        if (left := left - len(block)) < 0:
            return f"the submission has more than {LARGEST_SUBMISSION:,} bytes"
        target.write(block)
    return ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
