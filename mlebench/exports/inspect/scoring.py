"""Grades what stands in a sample's container, on the host, by the same code as every run."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import anyio.to_thread
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import sandbox, store

from grading.report import CompetitionReport
from mlebench.errors import WorkFailed
from mlebench.exports.inspect.settings import DataPlace
from mlebench.exports.inspect.taking import TakenOut, taken_out
from mlebench.grade.one import Submission
from mlebench.grade.pool import shared_pool
from mlebench.registry import Competition
from mlebench.runs.missing_submission import what_is_there

VALUES = {
    "any_medal": "any_medal",
    "gold": "gold_medal",
    "silver": "silver_medal",
    "bronze": "bronze_medal",
    "above_median": "above_median",
    "valid": "valid_submission",
}
"""The values of a score, each with the field of the report that it is."""
_CONTAINER, _COMPETITION = "mlebench:container", "mlebench:competition"
"""In a sample's store: its container, which is found by this even when it has ended, and what is worked on in it."""
_SUBMISSION = "/home/submission/submission.csv"


@solver
def ready(data_dir: str, edition: str) -> Solver:
    """Note the sample's container, and load its grader: one that fails is better known before an agent has worked for a day."""
    place = DataPlace.of(data_dir, edition)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        await _note_sample(str(state.sample_id))
        await anyio.to_thread.run_sync(shared_pool().load, place.competition(str(state.sample_id)))
        return state

    return solve


@scorer(metrics={name: [mean(), stderr()] for name in VALUES})
def graded(data_dir: str, edition: str) -> Scorer:
    """Grade the submission of a sample.

    Args:
        data_dir: the data directory.
        edition: v1 or v2; the split key of v2 is looked up in `MLEBENCH_SPLIT_KEY`.

    The score's value has a 0 or 1 for each of `VALUES`, its metadata is the whole grading report with the submission's sha256.
    What is the harness's own fault is an error of the sample, never a 0.
    """
    place = DataPlace.of(data_dir, edition)

    async def score(state: TaskState, target: Target) -> Score:
        container, competition_id = await where_sample_is()
        competition = place.competition(competition_id)
        report, digest = await anyio.to_thread.run_sync(_grade, container, competition, state.epoch - 1)
        value: dict[str, Any] = {name: int(getattr(report, key)) for name, key in VALUES.items()}
        metadata = {**report.to_dict(), "submission_sha256": digest}
        return Score(value=value, answer=report.medal or "no medal", explanation=in_words(report), metadata=metadata)

    return score


async def where_sample_is() -> tuple[str, str]:
    """The container and the competition of the sample that is under way.

    Raises:
        WorkFailed: it is none of the task `competitions`.
    """
    container, competition_id = store().get(_CONTAINER), store().get(_COMPETITION)
    if container is None or competition_id is None:
        raise WorkFailed("this is not a sample of the task mlebench/competitions; only its samples have submissions")
    return str(container), str(competition_id)


async def _note_sample(competition_id: str) -> None:
    try:
        container = (await sandbox().connection()).container
    except (ConnectionError, NotImplementedError) as error:
        raise WorkFailed(f"cannot find the container of this sample: {error}") from None
    if container is None:
        raise WorkFailed("this sample has no container; the task requires Inspect's `docker` sandbox")
    store().set(_CONTAINER, container)
    store().set(_COMPETITION, competition_id)


def _grade(container: str, competition: Competition, seed: int) -> tuple[CompetitionReport, str | None]:
    """The report of a container's submission, and the sha256 of what was graded.

    Raises:
        WorkFailed: the grader is at fault.
    """
    with taken_out(container) as taken:
        submission = Submission(competition.id, taken.submission, seed, within=taken.folder)
        report = shared_pool().grade(submission, competition)
        if report.error_kind == "grader_error":
            raise WorkFailed(f"{competition.id} could not be graded: {report.error}")
        return _as_of_the_container(report, taken), _sha256(taken.submission) if report.submission_exists else None


def _as_of_the_container(report: CompetitionReport, taken: TakenOut) -> CompetitionReport:
    """A report with the paths that hold in the container; a missing submission is explained by what there is instead."""
    error = report.error and report.error.replace(str(taken.submission), _SUBMISSION)
    if report.error_kind == "missing":
        error = f"no submission: {what_is_there(taken.folder, taken.left_out)}"
    return dataclasses.replace(report, submission_path=_SUBMISSION, error=error)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def in_words(report: CompetitionReport) -> str:
    """A report as a sentence."""
    if report.score is None:
        return f"no score: {report.error}" if report.error else "no score: the metric of this submission is not a number"
    place = f", rank {report.rank:,} of {report.leaderboard_size:,}" if report.rank and report.leaderboard_size else ""
    median = "above the median" if report.above_median else "not above the median"
    medal = f"{report.medal} medal" if report.medal else "no medal"
    return f"score {report.score:g}{place}: {medal}, {median}"
