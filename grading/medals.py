"""Placing a score: Kaggle's medal thresholds, ranks and percentiles.

A missing or NaN score has no rank and earns nothing.
"""

from __future__ import annotations

import functools
import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Medal = Literal["gold", "silver", "bronze"]


class MedalPlaces(NamedTuple):
    """The last places, counted from 1, that earn gold, silver and bronze."""

    gold: int
    silver: int
    bronze: int


class Standing(NamedTuple):
    """The place of a score on a leaderboard."""

    rank: int
    """1 = best; tied scores share the better place. `size` + 1 if every team is better."""
    size: int
    """Teams on the leaderboard, excluding the ranked score."""
    percentile: float
    """Percentage of the teams, 0 to 100, that are not better than the score."""


class Placing(NamedTuple):
    """What a score earns on its competition's leaderboard."""

    medal: Medal | None
    above_median: bool
    standing: Standing | None
    """None if there is no score or no leaderboard."""


def medal_places(teams: int) -> MedalPlaces:
    """Medal places of a competition with `teams` teams.

    Source: the table "Competition Medals" of Kaggle's progression system. Fractions are rounded down, and each
    medal covers at least place 1.

    Raises:
        ValueError: no teams.
    """
    if teams < 1:
        raise ValueError("a leaderboard without teams has no medal places")
    gold_of_large = 10 + teams // 500
    if teams < 100:
        places = MedalPlaces(teams // 10, teams // 5, 2 * teams // 5)
    elif teams < 250:
        places = MedalPlaces(10, teams // 5, 2 * teams // 5)
    elif teams < 1000:
        places = MedalPlaces(gold_of_large, 50, 100)
    else:
        places = MedalPlaces(gold_of_large, teams // 20, teams // 10)
    return MedalPlaces(*(max(1, place) for place in places))


@dataclass(frozen=True)
class Thresholds:
    """Scores at the gold, silver and bronze places and the median of a leaderboard, in the metric's own units."""

    gold: float
    silver: float
    bronze: float
    median: float
    lower_is_better: bool

    @classmethod
    def from_leaderboard(cls, scores: Iterable[float], *, lower_is_better: bool) -> Thresholds:
        """Thresholds of a full leaderboard: one score per team, in any order; NaN entries are not teams.

        Raises:
            ValueError: no team has a score.
        """
        ranked = _ranked(scores, lower_is_better)
        places = medal_places(len(ranked))
        return cls(
            gold=ranked[places.gold - 1],
            silver=ranked[places.silver - 1],
            bronze=ranked[places.bronze - 1],
            median=statistics.median(ranked),
            lower_is_better=lower_is_better,
        )

    def reaches(self, score: float | None, threshold: float) -> bool:
        """Whether `score` is at least as good as `threshold`."""
        if score is None or math.isnan(score):
            return False
        return score <= threshold if self.lower_is_better else score >= threshold

    def medal(self, score: float | None) -> Medal | None:
        """The best medal that `score` earns."""
        if self.reaches(score, self.gold):
            return "gold"
        if self.reaches(score, self.silver):
            return "silver"
        return "bronze" if self.reaches(score, self.bronze) else None

    def is_above_median(self, score: float | None) -> bool:
        """Whether `score` is strictly better than the median."""
        return score != self.median and self.reaches(score, self.median)


@dataclass(frozen=True)
class Board:
    """What the scores of one competition are compared with.

    Attributes:
        lower_is_better: direction of the score.
        thresholds: None if the competition has none; then nothing earns a medal.
        scores: the leaderboard, one score per team in any order; empty where it is unknown.
        made_up: whether the data is synthetic; then a score earns nothing and has no rank.
    """

    lower_is_better: bool
    thresholds: Thresholds | None = None
    scores: Sequence[float] = ()
    made_up: bool = False

    def place(self, score: float | None) -> Placing:
        """Medal, above-median flag and standing of a score; a missing or NaN score earns nothing."""
        if self.made_up:
            return Placing(None, False, None)
        thresholds = self.thresholds
        return Placing(
            thresholds.medal(score) if thresholds else None,
            thresholds.is_above_median(score) if thresholds else False,
            _standing_among(score, self._teams, self.lower_is_better),
        )

    @functools.cached_property
    def _teams(self) -> list[float]:
        return sorted(other for other in self.scores if not math.isnan(other))


def standing(score: float | None, leaderboard: Iterable[float], *, lower_is_better: bool) -> Standing | None:
    """Rank, size and percentile of `score` on a leaderboard of one score per team.

    Returns:
        None for a missing or NaN score and for a leaderboard without scores.
    """
    return _standing_among(score, sorted(other for other in leaderboard if not math.isnan(other)), lower_is_better)


def _standing_among(score: float | None, teams: Sequence[float], lower_is_better: bool) -> Standing | None:
    """`standing` among scores in ascending order, NaN left out."""
    if score is None or math.isnan(score) or not teams:
        return None
    better = bisect_left(teams, score) if lower_is_better else len(teams) - bisect_right(teams, score)
    return Standing(rank=better + 1, size=len(teams), percentile=100 * (1 - better / len(teams)))


def _ranked(scores: Iterable[float], lower_is_better: bool) -> list[float]:
    return sorted((float(score) for score in scores if not math.isnan(score)), reverse=not lower_is_better)
