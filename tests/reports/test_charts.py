"""Axes of time: whole numbers in the unit that fits, and no line of a single point."""

from __future__ import annotations

import re

import pytest

from mlebench.reports import charts
from mlebench.reports.scaling import BudgetPoint, RunCurve, TimePoint


@pytest.mark.parametrize(
    ("hours", "unit", "labels"),
    [
        (1 / 3600, "seconds", ["0", "1"]),
        (40 / 3600, "seconds", ["0", "5", "10", "15", "20", "25", "30", "35", "40"]),
        (5 / 60, "minutes", ["0", "1", "2", "3", "4", "5"]),
        (1.5, "minutes", ["0", "20", "40", "60", "80"]),
        (12, "hours", ["0", "2", "4", "6", "8", "10", "12"]),
        (24, "hours", ["0", "3", "6", "9", "12", "15", "18", "21", "24"]),
        (23.999, "hours", ["0", "3", "6", "9", "12", "15", "18", "21", "24"]),
        (100, "days", ["0", "1", "2", "3", "4"]),
    ],
)
def test_an_axis_of_time_counts_in_the_unit_that_fits(hours: float, unit: str, labels: list[str]) -> None:
    title, found = charts.time_axis(hours)
    assert (title, [entry["label"] for entry in found]) == (unit, labels)


@pytest.mark.parametrize("hours", [0, 1e-9, 1e6, 1e11])
def test_an_axis_of_time_never_has_many_labels(hours: float) -> None:
    assert 1 <= len(charts.time_axis(hours)[1]) <= 10


def test_labels_hold_no_traces_of_floating_point() -> None:
    curve = RunCurve("c", 0, [(1 / 90, 0.1), (1 / 45, 0.3)], usd=[0.011111111, 0.0222222222])
    for svg in (charts.scores_of_competition([curve]), charts.scores_of_competition([curve], "usd")):
        labels = re.findall(r"<text[^>]*>([^<]+)</text>", svg)
        assert labels and not [label for label in labels if re.search(r"\d{7}", label)]
    assert "seconds" in charts.scores_of_competition([curve])


def test_one_point_is_a_dot_and_no_line() -> None:
    point = TimePoint(
        hours=0.5, any_medal_percentage=50, best_any_medal_percentage=50, above_median_percentage=100, normalized_score=0.5
    )
    svg = charts.relative_score([point], "hours")
    assert svg.count("<circle") == 1 and 'class="line reactive' not in svg


def test_budgets_are_labelled_as_durations() -> None:
    svg = charts.budgets([BudgetPoint("ours", hours, 1, 10.0) for hours in (0.5, 24.0)], "hours")
    assert {"30 min", "24 h"} <= set(re.findall(r"<text[^>]*>([^<]+)</text>", svg))


@pytest.mark.parametrize(
    ("most", "labels"), [(0, ["0"]), (2, ["0", "1", "2"]), (134, ["0", "17", "34", "51", "68", "85", "102", "119"])]
)
def test_what_comes_one_by_one_is_counted_in_whole_numbers(most: int, labels: list[str]) -> None:
    svg = charts.so_far({"ended": [(float(place), float(place)) for place in range(most + 1)]}, "hours", "runs", whole=True)
    axis = svg.partition('class="axis y')[2].partition('class="axis x')[0]
    assert re.findall(r"<text[^>]*>([^<]+)</text>", axis) == labels
