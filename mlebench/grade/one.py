"""Grades or checks one submission, in this process.

The functions of the package that programs call are here. The harness itself has a `GradingPool` call them in a process of
their own, so that no submission can hold it up.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from grading.printable import printable
from grading.report import CompetitionReport, ErrorKind
from mlebench._support.plain_files import open_plain
from mlebench.errors import InvalidSubmission, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from mlebench.registry import Competition
    from mlebench.registry.facts import EditionName

logger = logging.getLogger("mlebench")
_MOST_NEIGHBOURS = 10_000


class Submission(NamedTuple):
    """One file to grade or check."""

    competition_id: str
    path: Path | None
    """None where none was made."""
    seed: int | None = None
    run_id: str | None = None
    within: Path | None = None
    """A folder of ours that the file lies in, where an agent could have left a link or a pipe in its place, which are refused."""

    @property
    def size(self) -> int:
        """Bytes; 0 where there is no file."""
        try:
            return self.path.stat().st_size if self.path else 0
        except (OSError, ValueError):
            return 0


@dataclass(frozen=True)
class Judgement:
    """What became of a submission: a score, or why there is none."""

    score: float | None = None
    error_kind: ErrorKind | None = None
    error: str | None = None


def grade_csv(
    path_to_submission: Path | str,
    competition: Competition | str,
    *,
    edition: EditionName | None = None,
    split_key: str | None = None,
    data_dir: Path | str | None = None,
    live_thresholds: bool = False,
    seed: int | None = None,
    run_id: str | None = None,
) -> CompetitionReport:
    """Grade one submission in this process, without limits on its time and memory.

    Any number of threads may grade at the same time.

    Args:
        path_to_submission: The submission, a csv file.
        competition: The competition, in the edition that the submission was made for, or its id. Keep a `Competition` to grade
            again and again: it reads its answers once.
        edition: `v1` (default) or `v2`. Only with an id, like the next two.
        split_key: Secret key that the data was made from; by default `MLEBENCH_SPLIT_KEY`.
        data_dir: The data directory; by default `MLEBENCH_DATA_DIR`, else a folder in the user's cache.
        live_thresholds: Place the score on the refreshed leaderboard instead of the published thresholds.
        seed: For the report.
        run_id: For the report.

    Returns:
        The report: `score`, rounded to 5 decimals, `medal`, `above_median`, `rank`, `percentile`, the thresholds, … If `score`
        is None, `error_kind` and `error` say why. For a missing file, or one that is not a .csv, `submission_exists` is false.

    Raises:
        NotPrepared: The data of the competition is not prepared; also a `ValueError`.
        UsageError: The id is unknown, the data is from another key or version, or its answers are damaged.
        MemoryError: The submission needs more memory than there is.

    Example:
        >>> report = mlebench.grade_csv("submission.csv", "demo-wine", data_dir="data")
        >>> report.valid_submission, report.medal
        (True, None)
    """
    competition = _chosen(competition, edition, split_key, data_dir)
    submission = Submission(competition.id, Path(path_to_submission), seed, run_id)
    answers = prepared_answers(competition)
    return make_report(judge(submission, competition, answers), submission, competition, live_thresholds=live_thresholds)


def judge(submission: Submission, competition: Competition, answers: Any) -> Judgement:
    """Score one submission; `answers` are a table of them or `prepared_answers`.

    Raises:
        MemoryError: it needs more memory than there is.
    """
    return what_is_no_csv(submission) or _judge_csv(submission, competition, answers, competition.grader.score_file)


def make_report(
    found: Judgement, submission: Submission, competition: Competition, *, live_thresholds: bool = False
) -> CompetitionReport:
    """The report of one submission."""
    if found.error_kind not in (None, "grader_error"):
        logger.info("Invalid submission: %s", found.error)
    return CompetitionReport.from_score(
        competition.id,
        None if found.score is None else round(found.score, 5),
        competition.board(live=live_thresholds),
        submission_path="" if submission.path is None else str(submission.path),
        submission_exists=found.error_kind not in ("missing", "not_csv"),
        error_kind=found.error_kind,
        error=found.error,
        seed=submission.seed,
        run_id=submission.run_id,
        **competition.provenance,
    )


def validate_submission(
    submission: Path | str,
    competition: Competition | str,
    *,
    edition: EditionName | None = None,
    split_key: str | None = None,
    data_dir: Path | str | None = None,
) -> tuple[bool, str]:
    """Check a submission with the code of the grader in this process, without scoring it.

    Args:
        submission: The submission, a csv file.
        competition: The competition, in the edition that the submission was made for, or its id.
        edition: `v1` (default) or `v2`. Only with an id, like the next two.
        split_key: Secret key that the data was made from; by default `MLEBENCH_SPLIT_KEY`.
        data_dir: The data directory; by default `MLEBENCH_DATA_DIR`, else a folder in the user's cache.

    Returns:
        Whether it is valid, and a sentence that says what is wrong if it is not.

    Raises:
        NotPrepared: There is a file to check, and the data of the competition is not prepared; also a `ValueError`.
        UsageError: The id is unknown, the data is from another key or version, or its answers are damaged.
        MemoryError: The submission needs more memory than there is.

    Example:
        >>> mlebench.validate_submission("submission.csv", "demo-wine", data_dir="data")
        (True, 'Submission is valid.')
    """
    competition = _chosen(competition, edition, split_key, data_dir)
    entry = Submission(competition.id, Path(submission))
    return verdict(what_is_no_csv(entry) or check(entry, competition, prepared_answers(competition)))


def check(submission: Submission, competition: Competition, answers: Any) -> Judgement:
    """Check the form of one submission; the judgement has no score, and `answers` are as those of `judge`.

    Raises:
        MemoryError: it needs more memory than there is.
    """
    return what_is_no_csv(submission) or _judge_csv(submission, competition, answers, competition.grader.check_file)


def verdict(found: Judgement) -> tuple[bool, str]:
    """A judgement in the words of a check, without its score."""
    return (True, "Submission is valid.") if found.error_kind is None else (False, found.error or "")


def read_answers(competition: Competition) -> pd.DataFrame:
    """The answers as the grader reads them.

    Raises:
        NotPrepared: the competition's data is not prepared; also a `ValueError`.
        UsageError: its data is from another key or version, or its answers are damaged.
    """
    with _fit_for_grading(competition):
        return competition.answers_table


def prepared_answers(competition: Competition) -> Any:
    """The answers as the grader takes them for many submissions; errors are those of `read_answers`."""
    with _fit_for_grading(competition):
        return competition.prepared_answers


def _chosen(
    competition: Competition | str, edition: EditionName | None, split_key: str | None, data_dir: Path | str | None
) -> Competition:
    from mlebench.registry.selection import competition_for

    return competition_for(competition, edition, split_key, data_dir)


@contextlib.contextmanager
def _fit_for_grading(competition: Competition) -> Iterator[None]:
    # late, so that a harness can start a process that grades before it imports what describes competitions
    from mlebench.preparation.record import misfit
    from mlebench.registry.competition import prepare_command

    if problem := misfit(competition):
        raise UsageError(problem)
    try:
        yield
    except InvalidSubmission as error:
        raise UsageError(
            f"{competition.answers} is damaged: {error}; `{prepare_command([competition], ['--force'])}` prepares it again"
        ) from None


def _judge_csv(
    submission: Submission,
    competition: Competition,
    answers: Any,
    look: Callable[[Path, Any], float | None],
) -> Judgement:
    """What `look`, which scores or checks, says of a csv file."""
    assert submission.path is not None
    shown = _shown(submission.path)
    try:
        _opened(submission).close()
    except OSError as error:
        # its mode is the agent's, too
        return Judgement(error_kind="invalid", error=f"{shown} cannot be read ({_reason(error)}); make it readable")
    try:
        return Judgement(score=look(submission.path, answers))
    except InvalidSubmission as error:
        return Judgement(error_kind="invalid", error=str(error))
    except MemoryError:
        raise
    except Exception:
        # whatever else goes wrong is our fault and must never count as the agent's
        logger.exception("the grader of %s failed on %s", competition.id, shown)
        return Judgement(error_kind="grader_error", error=f"the grader of {competition.id} failed; the log holds its traceback")


def _opened(submission: Submission) -> IO[bytes]:
    assert submission.path is not None
    return open_plain(submission.path, submission.within) if submission.within else submission.path.open("rb")


def what_is_no_csv(entry: Submission) -> Judgement | None:
    """What to say of a path where no csv file lies; None where there is one."""
    submission = entry.path
    if submission is None:
        return Judgement(error_kind="missing", error="no submission was made: its path is null")
    if entry.within is not None:
        try:
            open_plain(submission, entry.within).close()
        except (FileNotFoundError, PermissionError):
            pass
        except OSError as error:
            return Judgement(error_kind="missing", error=f"{_shown(submission)} is not a plain file ({_reason(error)})")
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
        return Judgement(error_kind="missing", error=f"{_shown(submission)} {what}")
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        return Judgement(error_kind="missing", error=f"{_shown(submission)} is {what}; submit a csv file")
    if submission.suffix.lower() != ".csv":
        return Judgement(error_kind="not_csv", error=f"{_shown(submission)} is not a .csv file{_what_lies_beside(submission)}")
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
