"""Curves over time from graded snapshots."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlebench.reports import charts
from mlebench.reports.document import make_document
from mlebench.reports.results import GradedRun, GradedSnapshot, Results, RunDetails
from mlebench.reports.scaling import BudgetPoint, over_time, run_curves
from mlebench.reports.selection import Selection
from mlebench.runs.conditions import Conditions
from tests.reports.builders import report

TWO = Selection("two", ("a", "b"))


def ran(competition_id: str, last: str, *snapshots: tuple[int, str], hours: float) -> GradedRun:
    kept = tuple(GradedSnapshot(seconds, report(competition_id, outcome)) for seconds, outcome in snapshots)
    return GradedRun(report(competition_id, last), RunDetails(Path(competition_id), hours=hours), kept)


def made(runs: dict[str, GradedRun]) -> Results:
    return Results(Conditions("ours"), {0: runs}, ("group",))


def test_shares_at_each_moment() -> None:
    results = made(
        {
            "a": ran("a", "none", (1800, "bronze"), (3600, "gold"), hours=2),
            "b": ran("b", "above", (3600, "none"), hours=1.5),
        }
    )

    points = over_time(results, TWO)

    assert [point.hours for point in points] == [0, 0.5, 1, 1.5, 2]
    assert [point.any_medal_percentage for point in points] == [0, 50, 50, 50, 0]
    assert [point.best_any_medal_percentage for point in points] == [0, 50, 50, 50, 50]
    assert [point.above_median_percentage for point in points] == [0, 50, 50, 100, 50]
    # bronze 0.7 lies half-way from median 0.5 to gold 0.9, above 0.6 a quarter; below the median counts 0
    assert [point.normalized_score for point in points] == pytest.approx([0, 0.25, 0.5, 0.625, 0.125])


def test_without_snapshots_there_is_no_curve() -> None:
    results = made({"a": ran("a", "gold", hours=1), "b": ran("b", "none", hours=1)})

    assert over_time(results, TWO) == []
    assert run_curves(results, TWO) == []


def test_curves_of_single_runs_end_with_the_last_submission() -> None:
    results = made({"a": ran("a", "gold", (1800, "none"), (3600, "invalid"), hours=2), "b": ran("b", "none", hours=1)})

    (curve,) = run_curves(results, TWO)

    assert curve.points == [(0.5, 0.4), (1, None), (2, 0.9)]


def test_many_snapshots_are_thinned() -> None:
    results = made({"a": ran("a", "gold", *((60 * minute, "none") for minute in range(1, 1500)), hours=25)})

    points = over_time(results, Selection("one", ("a",)))

    assert len(points) <= 201
    assert points[-1].hours == 25
    assert points[-1].any_medal_percentage == 100


def test_an_agent_under_two_budgets_is_drawn_twice() -> None:
    svg = charts.budgets([BudgetPoint("ours", hours, 1, share) for hours, share in ((8.0, 10.0), (24.0, 17.0))], "hours")
    assert svg.count("<circle") == 2


def test_budgets_are_one_series_only_where_nothing_but_limits_differs() -> None:
    def under(hours: float, steps: int) -> Results:
        conditions = Conditions("ours", {"steps": steps}, limits={"time_limit": hours * 3600, "gpus": 1})
        return replace(made({"a": ran("a", "gold", hours=1)}), conditions=conditions)

    document = make_document([under(8, 1), under(24, 1), under(24, 100)], [Selection("one", ("a",))])

    series = [(point.agent, point.hours) for point in document.budgets]
    assert series == [("ours (steps=1)", 8), ("ours (steps=1)", 24), ("ours (steps=100)", 24)]
