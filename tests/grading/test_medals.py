"""Medal places, thresholds and standings, computed by hand."""

from __future__ import annotations

import math

import pytest

from grading.medals import MedalPlaces, Thresholds, medal_places, standing


@pytest.mark.parametrize(
    ("teams", "places"),
    [
        (1, (1, 1, 1)),
        (4, (1, 1, 1)),
        (5, (1, 1, 2)),
        (19, (1, 3, 7)),
        (99, (9, 19, 39)),
        (100, (10, 20, 40)),
        (249, (10, 49, 99)),
        (250, (10, 50, 100)),
        (499, (10, 50, 100)),
        (500, (11, 50, 100)),
        (999, (11, 50, 100)),
        (1000, (12, 50, 100)),
        (3499, (16, 174, 349)),
        (5000, (20, 250, 500)),
    ],
)
def test_places_by_team_count(teams: int, places: tuple[int, int, int]) -> None:
    assert medal_places(teams) == MedalPlaces(*places)


def test_no_teams_have_no_places() -> None:
    with pytest.raises(ValueError, match="without teams"):
        medal_places(0)


def test_thresholds_are_the_scores_at_the_places() -> None:
    scores = [float(score) for score in range(1, 1001)]
    lower = Thresholds.from_leaderboard(scores, lower_is_better=True)
    higher = Thresholds.from_leaderboard(reversed(scores), lower_is_better=False)

    assert lower == Thresholds(gold=12, silver=50, bronze=100, median=500.5, lower_is_better=True)
    assert higher == Thresholds(gold=989, silver=951, bronze=901, median=500.5, lower_is_better=False)


def test_teams_without_score_are_no_teams() -> None:
    with_gaps = [0.1, math.nan, 0.3, 0.2, math.nan, 0.4, 0.5]

    assert Thresholds.from_leaderboard(with_gaps, lower_is_better=True) == Thresholds(0.1, 0.1, 0.2, 0.3, True)


@pytest.mark.parametrize(
    ("score", "medal"), [(0.9, "gold"), (0.89999, "silver"), (0.8, "silver"), (0.7, "bronze"), (0.69, None), (math.inf, "gold")]
)
def test_reaching_a_threshold_earns_its_medal(score: float, medal: str | None) -> None:
    thresholds = Thresholds(0.9, 0.8, 0.7, 0.5, lower_is_better=False)
    mirrored = Thresholds(-0.9, -0.8, -0.7, -0.5, lower_is_better=True)

    assert thresholds.medal(score) == medal
    assert mirrored.medal(-score) == medal


def test_equal_thresholds_give_the_better_medal() -> None:
    assert Thresholds(0.9, 0.9, 0.9, 0.9, lower_is_better=False).medal(0.9) == "gold"


@pytest.mark.parametrize("lower_is_better", [True, False])
def test_above_median_is_strict(lower_is_better: bool) -> None:
    thresholds = Thresholds(0.5, 0.5, 0.5, 0.5, lower_is_better)
    better = 0.4 if lower_is_better else 0.6

    assert not thresholds.is_above_median(0.5)
    assert thresholds.is_above_median(better)


@pytest.mark.parametrize("score", [None, math.nan])
def test_no_score_earns_nothing(score: float | None) -> None:
    thresholds = Thresholds(0.9, 0.8, 0.7, 0.5, lower_is_better=False)

    assert thresholds.medal(score) is None
    assert not thresholds.is_above_median(score)
    assert standing(score, [0.1], lower_is_better=True) is None


def test_standing_counts_the_teams_that_are_better() -> None:
    teams = [0.9, 0.8, 0.8, 0.5]

    assert standing(0.95, teams, lower_is_better=False) == (1, 4, 100.0)
    assert standing(0.8, teams, lower_is_better=False) == (2, 4, 75.0)
    assert standing(0.1, teams, lower_is_better=False) == (5, 4, 0.0)
    assert standing(0.1, teams, lower_is_better=True) == (1, 4, 100.0)
    assert standing(0.8, [], lower_is_better=True) is None
