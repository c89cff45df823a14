"""A run of the baseline agent: the competition from the agent's side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlebench.errors import MlebenchError
from mlebench.scaffold.check.todo import Todo, shown

if TYPE_CHECKING:
    from grading.report import CompetitionReport
    from mlebench.registry import Competition
    from mlebench.runs.record import RunRecord

_AGENT = "baseline"


def run_baseline(competition: Competition, runs: Path) -> list[Todo]:
    """Run the baseline on prepared data: its submission must be valid, and score no better than the answers.

    A mock need not be predictable, and chance decides much on its few rows. So a score worse than that of the sample
    submission is a note, and only if it is worse by more than the answers are better.

    Args:
        competition: the competition, found by its id on `MLEBENCH_COMPETITIONS_PATH`.
        runs: a folder for the run group.
    """
    from mlebench.runs.start import run

    try:
        (result,) = run(
            agents=_AGENT,
            competitions=[competition.id],
            edition=competition.edition.name,
            profile="demo",
            sandbox="local",
            data_dir=competition.data_dir,
            runs_dir=runs,
        )
    except MlebenchError as error:
        return [_not_run(str(error))]
    (record,) = result.runs
    graded = record.graded
    if graded is None or graded.score is None:
        return [_without_score(record, graded)]
    best, sample = _bounds(competition)
    sign = 1 if competition.is_lower_better else -1
    score = graded.score
    if best is not None and sign * score < sign * best:
        what = f"the baseline scores {score:g}, better than the answers ({best:g})"
        return [Todo(what, "correct the metric in grade.py or `metric.direction` in competition.yaml", "grade.py")]
    if best is not None and sample is not None and abs(score - sample) > abs(sample - best) and sign * score > sign * sample:
        what = f"the baseline scores {score:g} on a mock, far worse than the sample submission ({sample:g})"
        fix = "check that the tables in prepare.py fit each other, and that mock.py makes a target like the real one"
        return [Todo(what, fix, "mock.py", None, "note")]
    return []


def _bounds(competition: Competition) -> tuple[float | None, float | None]:
    """The scores of the answers and of the sample submission; None where there is none."""
    from mlebench.errors import InvalidSubmission
    from mlebench.grade import grade_csv

    answers = competition.answers_table
    try:
        best: float | None = round(competition.grader.score(competition.grader.perfect_submission(answers), answers), 5)
    except InvalidSubmission:
        best = competition.facts.metric.best
    return best, grade_csv(competition.sample_submission, competition).score


def _without_score(record: RunRecord, graded: CompetitionReport | None) -> Todo:
    reason = (graded.error if graded else None) or record.detail or record.reason or "it left no report"
    if record.failure_class == "infrastructure":
        return _not_run(reason)
    what = f"the baseline makes no valid submission of the public data: {shown(reason)}"
    return Todo(what, "write tables and a sample submission that fit each other in prepare.py", "prepare.py")


def _not_run(reason: str) -> Todo:
    what = f"the baseline could not be run: {shown(reason)}"
    return Todo(what, "run `mlebench doctor`, or leave the run out with `--no-run`", kind="note")
