"""Correlations are those of the definitions, and undefined where they tell nothing."""

from __future__ import annotations

import pytest
from scipy.stats import pearsonr, spearmanr

from grading.medals import Board, Thresholds
from grading.report import CompetitionReport
from mlebench.evidence.review.correlation import normalised_scores, relation_of

MEASURES = {"a": 0.1, "b": 0.4, "c": 0.35, "d": 0.9, "e": 0.9, "only-here": 1.0}
SCORES = {"a": 0.0, "b": 0.2, "c": 0.9, "d": 0.5, "e": 1.0, "only-there": 1.0}


def test_coefficients_are_those_of_the_competitions_in_both() -> None:
    relation = relation_of(MEASURES, SCORES)
    assert relation.points == [(name, MEASURES[name], SCORES[name]) for name in "abcde"]
    x, y = zip(*(point[1:] for point in relation.points), strict=True)
    assert relation.pearson.value == pytest.approx(pearsonr(x, y).statistic)
    assert relation.spearman.value == pytest.approx(spearmanr(x, y).statistic)
    for found in (relation.pearson, relation.spearman):
        assert found.interval is not None and found.value is not None
        assert -1 <= found.interval[0] < found.value < found.interval[1] <= 1


def test_the_interval_is_the_same_every_time_and_narrow_where_all_lies_on_a_line() -> None:
    line = {str(place): float(place) for place in range(20)}
    relation = relation_of(line, {name: 3 * value + 1 for name, value in line.items()})
    assert relation.pearson.value == pytest.approx(1) and relation.pearson.interval == pytest.approx((1, 1))
    assert relation_of(MEASURES, SCORES) == relation_of(MEASURES, SCORES)


def test_few_competitions_and_measures_that_do_not_vary_tell_nothing() -> None:
    few = relation_of({"a": 0.1, "b": 0.2}, SCORES)
    assert (few.pearson.value, few.pearson.interval) == (None, None)
    assert few.spearman.reason == "only 2 competitions have both; at least 3 are needed"
    assert relation_of({}, {}).to_dict()["points"] == []
    same = relation_of(dict.fromkeys("abc", 0.1), SCORES)
    assert same.pearson.value is None and same.pearson.reason == "one of them is constant over competitions"


def report(score: float | None, *, lower: bool = False, known: bool = True) -> CompetitionReport:
    gold, median = (0.1, 0.5) if lower else (0.9, 0.5)
    thresholds = Thresholds(gold, gold, gold, median, lower_is_better=lower) if known else None
    board = Board(lower, thresholds)
    return CompetitionReport.from_score("c", score, board, submission_path="s.csv")


def test_scores_are_0_at_the_median_and_1_at_gold_and_averaged_over_seeds() -> None:
    assert normalised_scores([report(0.7), report(0.9)]) == {"c": pytest.approx(0.75)}
    assert normalised_scores([report(0.2, lower=True)]) == {"c": pytest.approx(0.75)}


def test_scores_beyond_are_cut_and_missing_ones_are_0() -> None:
    assert normalised_scores([report(2.0), report(-1e9), report(None)]) == {"c": pytest.approx(1 / 3)}


def test_a_competition_without_thresholds_has_no_score() -> None:
    assert normalised_scores([report(0.7, known=False)]) == {}
