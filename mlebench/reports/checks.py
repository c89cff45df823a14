"""What runs asked the submission checker: how often, about how many files, and whether about the one that was graded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from grading.wording import counted
from mlebench.reports.results import Checks, GradedRun
from mlebench.runs.record import RunRecord


@dataclass(frozen=True)
class CheckFigures:
    """Of several runs."""

    runs: int
    """How many they are; those of which no record is at hand are not among them."""
    verdicts: int
    refused: int
    verdicts_per_run: float
    with_submission: int
    """Runs of which it is known whether their submission was checked."""
    submission_checked: int
    """How many of these it was."""
    submission_checked_percentage: float | None
    """Their share; None if it is known of no run."""

    @property
    def sentence(self) -> str:
        """The figures in words."""
        told = f"{counted(self.verdicts, 'verdict')} in {counted(self.runs, 'run')} ({self.verdicts_per_run:.1f} per run)"
        known = f"{self.submission_checked} of {counted(self.with_submission, 'graded file')}"
        share = "–" if self.submission_checked_percentage is None else f"{self.submission_checked_percentage:.1f} %"
        return f"{told}, {self.refused} rejected; {known} ({share}) had been checked before"


def checks_of(record: RunRecord) -> Checks:
    """What a run's record says about the checker."""
    digests = [call.get("sha256") for call in record.checker_calls]
    # records are untrusted: a value that is not a string may not even be hashable
    hashes = {digest for digest in digests if isinstance(digest, str)}
    if not all(isinstance(digest, str) for digest in digests):
        return Checks(len(record.checker_calls), record.refused_checks, None, None)
    asked = None if record.submission_sha256 is None else record.submission_sha256 in hashes
    return Checks(len(record.checker_calls), record.refused_checks, len(hashes), asked)


def check_figures(runs: Iterable[GradedRun]) -> CheckFigures | None:
    """Over the runs whose records are at hand; None if there is none."""
    checks = [run.details.checks for run in runs if run.details is not None and run.details.checks is not None]
    if not checks:
        return None
    verdicts = sum(entry.verdicts for entry in checks)
    known = [entry.submission_was_checked for entry in checks if entry.submission_was_checked is not None]
    return CheckFigures(
        runs=len(checks),
        verdicts=verdicts,
        refused=sum(entry.refused for entry in checks),
        verdicts_per_run=verdicts / len(checks),
        with_submission=len(known),
        submission_checked=sum(known),
        submission_checked_percentage=100 * sum(known) / len(known) if known else None,
    )
