"""Curves over time, money and tokens from graded snapshots."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from pathlib import Path

import pytest

from mlebench.reports import charts
from mlebench.reports.document import make_document
from mlebench.reports.page import make_page
from mlebench.reports.results import GradedRun, GradedSnapshot, Results, RunDetails
from mlebench.reports.scaling import SPENDING_AXES, BudgetPoint, over_spending, over_time, run_curves
from mlebench.reports.selection import Selection
from mlebench.runs.conditions import Conditions
from mlebench.runs.spending import Spent
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


def spending(*entries: tuple[float, float | None, int]) -> tuple[Spent, ...]:
    """Seconds, US dollars and tokens."""
    return tuple(Spent(*entry) for entry in entries)


def spent(run: GradedRun, *entries: tuple[float, float | None, int]) -> GradedRun:
    assert run.details is not None
    return replace(run, details=replace(run.details, spent=spending(*entries)))


def test_a_snapshot_stands_where_its_run_had_spent_so_much() -> None:
    results = made(
        {
            # bronze for 1 dollar, gold for 4, and a worse end for 5
            "a": spent(
                ran("a", "none", (1800, "bronze"), (3600, "gold"), hours=2),
                (600, 1.0, 1_000_000),
                (2000, 4.0, 2_000_000),
                (7000, 5.0, 4_000_000),
            ),
            # nothing was spent when its snapshot was taken
            "b": spent(ran("b", "gold", (60, "none"), hours=1), (100, 2.0, 3_000_000)),
        }
    )

    money = over_spending(results, TWO, "usd")
    tokens = over_spending(results, TWO, "tokens")

    assert money is not None and tokens is not None
    assert (money.runs, money.left_out) == (2, 0)
    assert [point.spent for point in money.points] == [0, 1, 2, 4, 5]
    assert [point.any_medal_percentage for point in money.points] == [0, 50, 100, 100, 50]
    assert [point.best_any_medal_percentage for point in money.points] == [0, 50, 100, 100, 100]
    assert [point.total for point in money.points] == [0, 2, 4, 6, 7]
    assert [point.medals_per_unit for point in money.points] == [None, 1 / 2, 2 / 4, 2 / 6, 1 / 7]
    assert [point.spent for point in tokens.points] == [0, 1e6, 2e6, 3e6, 4e6]
    # medals for each million tokens
    assert [point.medals_per_unit for point in tokens.points] == [None, 1 / 2, 1 / 4, 2 / 6, 1 / 7]


def test_a_call_that_was_settled_behind_the_end_counts_for_the_last_submission() -> None:
    results = made({"a": spent(ran("a", "gold", (60, "none"), hours=1), (30, 1.0, 10), (3605, 2.0, 20))})
    curve = over_spending(results, Selection("one", ("a",)), "usd")
    assert curve is not None
    assert [(point.spent, point.any_medal_percentage) for point in curve.points] == [(0, 0), (1, 0), (2, 100)]


def test_runs_without_a_ledger_are_left_out_with_a_note() -> None:
    results = made(
        {
            "a": spent(ran("a", "gold", (1800, "bronze"), hours=1), (600, None, 10)),
            "b": ran("b", "none", (1800, "bronze"), hours=1),
            "c": spent(ran("c", "gold", (1800, "none"), hours=1), (600, 1.5, 10)),
        }
    )
    three = Selection("three", ("a", "b", "c"))

    document = make_document([results], [three])

    money, tokens = (document.main.spending[axis]["three"] for axis in SPENDING_AXES)
    assert (money.runs, money.left_out, money.points[-1].any_medal_percentage) == (1, 2, 100)
    assert (tokens.runs, tokens.left_out) == (2, 1)
    assert "three: 2 of 3 runs omitted from the curves over money (no ledger or calls of unknown price)" in document.main.notes
    assert "three: 1 of 3 runs omitted from the curves over tokens (no ledger)" in document.main.notes
    curves = document.to_dict()["scaling"]["runs"]
    assert [(curve["usd"], curve["tokens"]) for curve in curves] == [(None, [10, 10]), (None, None), ([1.5, 1.5], [10, 10])]


def test_without_any_ledger_there_is_no_axis_and_no_note() -> None:
    document = make_document([made({"a": ran("a", "gold", (1800, "bronze"), hours=1)})], [Selection("one", ("a",))])
    assert document.main.spending == {}
    assert not [note for note in document.main.notes if "left out" in note]


def test_a_run_that_asked_no_model_spent_nothing() -> None:
    results = made({"a": spent(ran("a", "gold", (1800, "bronze"), hours=1))})
    curve = over_spending(results, Selection("one", ("a",)), "usd")
    assert curve is not None
    assert [(point.spent, point.medals_per_unit) for point in curve.points] == [(0, None)]


@pytest.mark.parametrize("number", range(50))
def test_no_axis_ever_falls(number: int) -> None:
    rng = random.Random(number)

    def some_run(name: str) -> GradedRun:
        moments = sorted(rng.randrange(1, 7200) for _ in range(rng.randrange(6)))
        run = ran(
            name, rng.choice(("gold", "none")), *((at, rng.choice(("gold", "above", "invalid"))) for at in moments), hours=2
        )
        calls = sorted(rng.uniform(-5, 7300) for _ in range(rng.randrange(8)))
        amounts = itertools.accumulate(rng.choice((0.0, 0.25, 1.0)) for _ in calls)
        return spent(run, *((at, usd, round(usd * 1000)) for at, usd in zip(calls, amounts, strict=True)))

    results = made({name: some_run(name) for name in "abcd"})
    four = Selection("four", tuple("abcd"))

    hours = [point.hours for point in over_time(results, four)]
    assert hours == sorted(hours)
    for axis in SPENDING_AXES:
        curve = over_spending(results, four, axis)
        for values in ([point.spent for point in curve.points], [point.total for point in curve.points]) if curve else ():
            assert values == sorted(values)
        if curve:
            best = [point.best_any_medal_percentage for point in curve.points]
            assert best == sorted(best)
            # at the end of every axis stands the same figure
            assert curve.points[-1].any_medal_percentage == over_time(results, four)[-1].any_medal_percentage
    for entry in run_curves(results, four):
        assert entry.usd is not None and list(entry.usd) == sorted(entry.usd)
        assert entry.tokens is not None and len(entry.tokens) == len(entry.points)


def test_charts_over_money_and_tokens_are_drawn_on_the_page() -> None:
    results = made({"a": spent(ran("a", "gold", (1800, "bronze"), hours=1), (600, 1.0, 2_500_000), (3000, 2.0, 5_000_000))})
    document = make_document([results], [Selection("one", ("a",))])

    page = make_page(document, Path())

    for words in ("The same over money", "The same over tokens", "US dollars spent by each run", "medals per US dollar"):
        assert words in page
    assert "million tokens used by each run" in page
    plain = make_page(
        make_document([made({"a": ran("a", "gold", (1800, "bronze"), hours=1)})], [Selection("one", ("a",))]), Path()
    )
    assert "over money" not in plain
