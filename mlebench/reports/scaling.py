"""How the figures grow: over time within a run, from its graded snapshots; over GPUs or time limits between results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grading.report import CompetitionReport
from mlebench.reports.figures import bounded_score, mean_or_none, runs_by_competition
from mlebench.reports.results import GradedRun, Results
from mlebench.reports.selection import Selection

_MOST_POINTS = 200


@dataclass(frozen=True)
class TimePoint:
    """Where all runs of a selection stand at one moment."""

    hours: float
    any_medal_percentage: float
    """Of the submission as it was then."""
    best_any_medal_percentage: float
    """Of the best submission until then."""
    above_median_percentage: float
    normalized_score: float | None
    """Mean over competitions and seeds of the score as it was then: 0 at the median, 1 at gold, cut to 0…1; a run without a
    score counts 0. None where no competition has thresholds."""


@dataclass(frozen=True)
class RunCurve:
    """The scores of one run over time."""

    competition_id: str
    seed: int
    points: Sequence[tuple[float, float | None]]
    """Hours since the start, and the score."""


@dataclass(frozen=True)
class BudgetPoint:
    """The results of one agent on the axes of its budget."""

    agent: str
    """With what sets its results apart beside limits, such as `steps=100`."""
    hours: float | None
    gpus: int | None
    any_medal_percentage: float


def over_time(results: Results, selection: Selection) -> list[TimePoint]:
    """Medals and scores over time.

    A run that has ended keeps what it had; its last submission counts from its end on.

    Returns:
        At most 200 points in the order of time; empty where no snapshot was graded.
    """
    grid = runs_by_competition(results, selection)
    timelines = [_timeline(run) for runs in grid.values() for run in runs]
    if not any(len(timeline) > 1 for timeline in timelines):
        return []
    moments = sorted({seconds for timeline in timelines for seconds, _ in timeline} | {0})
    return [_point(timelines, moment) for moment in _thinned(moments)]


def run_curves(results: Results, selection: Selection) -> list[RunCurve]:
    """The scores over time of each run with graded snapshots."""
    grid = runs_by_competition(results, selection)
    curves = []
    for name, runs in grid.items():
        for seed, run in enumerate(runs):
            if run.snapshots:
                points = [(seconds / 3600, report.score) for seconds, report in _timeline(run)]
                curves.append(RunCurve(name, seed, points))
    return curves


def budget_point(results: Results, agent: str, any_medal_percentage: float) -> BudgetPoint:
    """Where results stand among others of another time limit or number of GPUs."""
    return BudgetPoint(agent, results.conditions.hours, results.conditions.gpus, any_medal_percentage)


def _timeline(run: GradedRun) -> list[tuple[int, CompetitionReport]]:
    """Snapshots and the last submission with their seconds; the last one stands at the run's end."""
    points = [(snapshot.seconds, snapshot.report) for snapshot in run.snapshots]
    if run.report is not None:
        points.append((_end(run), run.report))
    return points


def _end(run: GradedRun) -> int:
    """Seconds from the run's start to its end, as far as known; never before its last snapshot."""
    last = run.snapshots[-1].seconds if run.snapshots else 0
    hours = run.details.hours if run.details else None
    return max(last, round(hours * 3600)) if hours is not None else last


def _point(timelines: Sequence[Sequence[tuple[int, CompetitionReport]]], moment: int) -> TimePoint:
    until = [[report for seconds, report in timeline if seconds <= moment] for timeline in timelines]
    latest = [reports[-1] if reports else None for reports in until]
    share = 100 / len(timelines)
    return TimePoint(
        hours=moment / 3600,
        any_medal_percentage=share * sum(report is not None and report.any_medal for report in latest),
        best_any_medal_percentage=share * sum(any(report.any_medal for report in reports) for reports in until),
        above_median_percentage=share * sum(report is not None and report.above_median for report in latest),
        normalized_score=mean_or_none([bounded_score(report) for report in latest]),
    )


def _thinned(moments: Sequence[int]) -> list[int]:
    """At most `_MOST_POINTS` of the moments, evenly picked, the last one always."""
    step = -(-len(moments) // _MOST_POINTS)
    return [*moments[:-1:step], moments[-1]]
