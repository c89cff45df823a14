"""Checks of the user's own prepared data: complete, and scores that fit the thresholds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mlebench.scaffold.check.todo import Todo, shown

if TYPE_CHECKING:
    from mlebench.registry import Competition


def fits(competition: Competition) -> list[Todo]:
    """The data was made by the folder as it is now, and is complete."""
    from mlebench.preparation import is_prepared
    from mlebench.preparation.record import misfit

    if problem := misfit(competition):
        what, _, fix = problem.rpartition("; ")
        return [Todo(shown(what or problem), shown(fix) if what else "prepare it again", "prepare.py")]
    if not is_prepared(competition):
        return [Todo(f"the data in {competition.prepared_dir} is not complete", f"run `{competition.prepare_command} --force`")]
    return []


def counts(competition: Competition) -> list[Todo]:
    """The data has the rows and files that `competition.yaml` counts."""
    from mlebench.preparation.verify import check_counts

    differing = [str(check) for check in check_counts(competition.prepared_dir, competition.facts.counts) if not check.passed]
    if not differing:
        return []
    return [Todo(f"the data differs from `counts`: {shown('; '.join(differing))}", "correct the counts", "competition.yaml")]


def sample(competition: Competition) -> list[Todo]:
    """The sample submission is valid, earns no medal, and is no worse than the worst team."""
    from mlebench.grade import grade_csv

    report = grade_csv(competition.sample_submission, competition)
    if report.score is None:
        what = f"the sample submission is not scored: {shown(report.error or 'no reason given')}"
        return [Todo(what, "write one that `grader` accepts in prepare.py", "prepare.py")]
    found, score = [], report.score
    if report.any_medal:
        what = f"the sample submission earns a medal with {score:g}"
        found.append(Todo(what, "correct `thresholds`, or write a trivial sample submission", "competition.yaml"))
    scores = competition.board().scores
    sign = 1 if competition.is_lower_better else -1
    if scores and sign * score > max(sign * other for other in scores):
        what = f"the sample submission scores {score:g}, worse than every team of the leaderboard"
        fix = "check that the metric in grade.py is that of the leaderboard"
        found.append(Todo(what, fix, "grade.py", None, "note"))
    return found


CHECKS: Mapping[str, Callable[[Competition], list[Todo]]] = {"prepared": fits, "counts": counts, "sample": sample}
