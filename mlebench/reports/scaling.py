"""How the figures grow: over time, money and tokens within a run, from its graded snapshots; over budgets between results."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from grading.report import CompetitionReport
from mlebench.reports.figures import bounded_score, mean_or_none, runs_by_competition
from mlebench.reports.results import GradedRun, Results
from mlebench.reports.selection import Selection
from mlebench.runs.spending import Spent

SpendingAxis = Literal["usd", "tokens"]
"""What a run spends: US dollars, or tokens, input and output together."""
SPENDING_AXES: tuple[SpendingAxis, ...] = ("usd", "tokens")
TOKEN_UNIT = 1_000_000
"""Tokens are told by the million where something is divided by them."""
_MOST_POINTS = 200
_MOST_CALLS = 200
"""Of one run and kind in a chart."""
_SLACK_SECONDS = 60
"""A call may be answered so long before its run's start or after its end: clocks differ, and a run is stopped after its end."""


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """Where all runs of a selection are at one place of an axis."""

    any_medal_percentage: float
    """Of the submission as it was there."""
    best_any_medal_percentage: float
    """Of the best submission up to there."""
    above_median_percentage: float
    normalized_score: float | None
    """Mean over competitions and seeds of the score as it was there: 0 at the median, 1 at gold, cut to 0…1; a run without a
    score counts 0. None if no competition has thresholds."""


@dataclass(frozen=True, kw_only=True)
class TimePoint(CurvePoint):
    """Where they are at one moment."""

    hours: float
    """Since each run's start."""


@dataclass(frozen=True, kw_only=True)
class SpendingPoint(CurvePoint):
    """Where they stand once each has spent so much, or all that it ever spent."""

    spent: float
    """By each run at most, in the axis's unit."""
    total: float
    """By all of them together until then; never falls."""
    medals_per_unit: float | None
    """Medals for each dollar, or each million tokens, of `total`; None if nothing was spent yet."""


@dataclass(frozen=True)
class SpendingCurve:
    """Medals and scores over what was spent, of the runs whose spending is known."""

    points: Sequence[SpendingPoint]
    """At most 200, in the order of the axis."""
    runs: int
    """How many runs the shares are of."""
    left_out: int
    """Runs without a ledger, or with calls of unknown price on the axis of money."""


class CallTimes(NamedTuple):
    """When a run called somebody."""

    calls: int
    """How many calls it made."""
    hours: Sequence[float]
    """Since the start, in the order of time; of more than 200 calls every so many, the first and the last among them."""
    outside: int = 0
    """How many of the calls are dated before the run's start or after its end; they have no place in `hours`."""


_NO_CALLS = CallTimes(0, ())


@dataclass(frozen=True)
class RunCurve:
    """The scores of one run over time, and what it had spent by then."""

    competition_id: str
    seed: int
    points: Sequence[tuple[float, float | None]]
    """Hours since the start, and the score."""
    usd: Sequence[float] | None = None
    """Spent by each point; None without a ledger or with calls of unknown price."""
    tokens: Sequence[float] | None = None
    """Likewise; None without a ledger."""
    checks: CallTimes = _NO_CALLS
    """Of the submission checker; refused ones too."""
    model_calls: CallTimes = _NO_CALLS
    """Answered by a model."""


@dataclass(frozen=True)
class BudgetPoint:
    """The results of one agent on the axes of its budget."""

    agent: str
    """With what sets its results apart next to limits, such as `steps=100`."""
    hours: float | None
    gpus: int | None
    any_medal_percentage: float


def over_time(results: Results, selection: Selection) -> list[TimePoint]:
    """Medals and scores over time.

    A run that has ended keeps what it had; its last submission counts from its end on.

    Returns:
        At most 200 points in the order of time; empty if no snapshot was graded.
    """
    grid = runs_by_competition(results, selection)
    timelines = [_Timeline.of(_moments(run)) for runs in grid.values() for run in runs]
    return [TimePoint(hours=seconds / 3600, **_standing(timelines, seconds)) for seconds in _places(timelines)]


def over_spending(results: Results, selection: Selection, axis: SpendingAxis) -> SpendingCurve | None:
    """Medals and scores over money or tokens: a snapshot stands where its run had spent so much when it was taken.

    Returns:
        None if no run with a ledger has a graded snapshot.
    """
    grid = runs_by_competition(results, selection)
    runs = [run for runs in grid.values() for run in runs]
    known = [(run, meter) for run in runs if (meter := _Meter.of(run, axis)) is not None]
    timelines = [_Timeline.of((meter.at(seconds), report) for seconds, report in _moments(run, meter)) for run, meter in known]
    places = _places(timelines)
    if not places:
        return None
    unit = TOKEN_UNIT if axis == "tokens" else 1
    points = [_spending_point(timelines, [meter.total for _, meter in known], place, unit) for place in places]
    return SpendingCurve(points, len(known), len(runs) - len(known))


def run_curves(results: Results, selection: Selection) -> list[RunCurve]:
    """The scores and calls over time of each run with graded snapshots or calls."""
    grid = runs_by_competition(results, selection)
    curves = [
        _run_curve(name, seed, run, results.conditions.hours) for name, runs in grid.items() for seed, run in enumerate(runs)
    ]
    return [curve for curve in curves if len(curve.points) > 1 or curve.checks.calls or curve.model_calls.calls]


def call_times(seconds: Sequence[float], hours: float | None) -> CallTimes:
    """Times of calls for a chart: thinned out, so that none weighs too much, over their whole span.

    Args:
        seconds: since the run's start, in the order of time.
        hours: how long the run took; None if nobody knows.
    """
    end = math.inf if hours is None else hours * 3600 + _SLACK_SECONDS
    inside = [moment for moment in seconds if -_SLACK_SECONDS <= moment <= end]
    count = len(inside)
    shown = min(count, _MOST_CALLS)
    places = range(count) if shown == count else [place * (count - 1) // (shown - 1) for place in range(shown)]
    return CallTimes(len(seconds), [inside[place] / 3600 for place in places], len(seconds) - count)


def budget_point(results: Results, agent: str, any_medal_percentage: float) -> BudgetPoint:
    """Where results stand among others of another time limit or number of GPUs."""
    return BudgetPoint(agent, results.conditions.hours, results.conditions.gpus, any_medal_percentage)


class _Timeline(NamedTuple):
    """The submissions of one run along an axis."""

    places: Sequence[float]
    """Never fall."""
    reports: Sequence[CompetitionReport]
    first_medal: float
    """Where one of them first earned a medal; infinite where none did."""

    @classmethod
    def of(cls, points: Iterable[tuple[float, CompetitionReport]]) -> _Timeline:
        listed = list(points)
        first = min((place for place, report in listed if report.any_medal), default=math.inf)
        return cls([place for place, _ in listed], [report for _, report in listed], first)

    def at(self, place: float) -> CompetitionReport | None:
        """The submission as it was there."""
        count = bisect_right(self.places, place)
        return self.reports[count - 1] if count else None


class _Meter(NamedTuple):
    """What one run had spent at each moment, on one axis."""

    moments: Sequence[float]
    amounts: Sequence[float]

    @classmethod
    def of(cls, run: GradedRun, axis: SpendingAxis) -> _Meter | None:
        """None if the run has no ledger, or one that does not tell the amount."""
        spent = run.details.spent if run.details is not None else None
        if spent is None:
            return None
        amounts = [_amount(entry, axis) for entry in spent]
        known = [amount for amount in amounts if amount is not None]
        return cls([entry.seconds for entry in spent], known) if len(known) == len(amounts) else None

    def at(self, seconds: float) -> float:
        count = bisect_right(self.moments, seconds)
        return self.amounts[count - 1] if count else 0.0

    @property
    def total(self) -> float:
        return self.amounts[-1] if self.amounts else 0.0


def _amount(entry: Spent, axis: SpendingAxis) -> float | None:
    return entry.usd if axis == "usd" else float(entry.tokens)


def _moments(run: GradedRun, meter: _Meter | None = None) -> list[tuple[float, CompetitionReport]]:
    """Snapshots and the last submission with their seconds; the last one is at the run's end, behind its last call."""
    points: list[tuple[float, CompetitionReport]] = [(snapshot.seconds, snapshot.report) for snapshot in run.snapshots]
    if run.report is not None:
        last_call = meter.moments[-1] if meter is not None and meter.moments else 0
        points.append((max(_end(run), last_call), run.report))
    return points


def _end(run: GradedRun) -> int:
    """Seconds from the run's start to its end, as far as known; never before its last snapshot."""
    last = run.snapshots[-1].seconds if run.snapshots else 0
    hours = run.details.hours if run.details else None
    return max(last, round(hours * 3600)) if hours is not None else last


def _places(timelines: Sequence[_Timeline]) -> list[float]:
    """Where something changes, at most `_MOST_POINTS` of them; empty if no run has more than its last submission."""
    if not any(len(timeline.places) > 1 for timeline in timelines):
        return []
    return _thinned(sorted({place for timeline in timelines for place in timeline.places} | {0}))


def _standing(timelines: Sequence[_Timeline], place: float) -> dict[str, Any]:
    """The fields of a `CurvePoint`."""
    latest = [timeline.at(place) for timeline in timelines]
    share = 100 / len(timelines)
    return {
        "any_medal_percentage": share * sum(report is not None and report.any_medal for report in latest),
        "best_any_medal_percentage": share * sum(timeline.first_medal <= place for timeline in timelines),
        "above_median_percentage": share * sum(report is not None and report.above_median for report in latest),
        "normalized_score": mean_or_none([bounded_score(report) for report in latest]),
    }


def _spending_point(timelines: Sequence[_Timeline], totals: Sequence[float], place: float, unit: int) -> SpendingPoint:
    spent = math.fsum(min(place, total) for total in totals)
    medals = sum((report := timeline.at(place)) is not None and report.any_medal for timeline in timelines)
    per_unit = medals * unit / spent if spent else math.inf
    return SpendingPoint(
        spent=place,
        total=spent,
        medals_per_unit=per_unit if math.isfinite(per_unit) else None,
        **_standing(timelines, place),
    )


def _run_curve(competition_id: str, seed: int, run: GradedRun, time_limit: float | None) -> RunCurve:
    """Where a run has not ended, its calls are within the time limit, in hours."""
    moments = _moments(run)
    points = [(seconds / 3600, report.score) for seconds, report in moments]
    details = run.details
    lasted = details.hours if details is not None and details.hours is not None else time_limit
    checks = call_times(details.check_seconds if details is not None else (), lasted)
    asked = call_times([spent.seconds for spent in (details.spent if details is not None else None) or ()], lasted)
    return RunCurve(competition_id, seed, points, _spent_at(run, "usd"), _spent_at(run, "tokens"), checks, asked)


def _spent_at(run: GradedRun, axis: SpendingAxis) -> list[float] | None:
    """What a run had spent by each of its submissions."""
    meter = _Meter.of(run, axis)
    return None if meter is None else [meter.at(seconds) for seconds, _ in _moments(run, meter)]


def _thinned(places: Sequence[float]) -> list[float]:
    """At most `_MOST_POINTS` of the places, evenly picked, the last one always."""
    step = -(-len(places) // _MOST_POINTS)
    return [*places[:-1:step], places[-1]]
