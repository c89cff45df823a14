"""Two results, paired by competition."""

from __future__ import annotations

import pytest

from mlebench.reports.comparison import compare
from mlebench.reports.selection import Selection
from tests.reports.builders import report, results, seed_of

IDS = ("a", "b", "c", "d", "e")
SELECTION = Selection("five", IDS)


def test_difference_and_sign_tests_by_hand() -> None:
    first = results(seed_of(dict(zip(IDS, ["gold", "gold", "gold", "none", "missing"], strict=True))), name="first")
    second = results(seed_of(dict(zip(IDS, ["none", "none", "gold", "above", "none"], strict=True))), name="second")

    result = compare(first, second, SELECTION)

    assert result.any_medal_difference == pytest.approx(40)
    assert (result.medal_sign_test.wins, result.medal_sign_test.ties, result.medal_sign_test.losses) == (2, 3, 0)
    assert result.medal_sign_test.p_value == 0.5
    # by score: a and b better, c equal, d worse, e worse for having none
    assert [entry.score_sign for entry in result.competitions] == [1, 1, 0, -1, -1]
    assert result.score_sign_test.p_value == 1
    assert result.interval.lower >= 0
    assert result.notes == []


def test_seeds_need_not_be_equally_many() -> None:
    first = results(seed_of(dict.fromkeys(IDS, "gold")), seed_of(dict.fromkeys(IDS, "none")))
    second = results(seed_of(dict.fromkeys(IDS, "none")))

    result = compare(first, second, SELECTION)

    assert result.any_medal_difference == pytest.approx(50)
    assert result.notes == ["the numbers of seeds differ: 2 and 1"]


def test_lower_scores_can_be_better() -> None:
    first = results([report("a", "gold", score=0.1, is_lower_better=True)])
    second = results([report("a", "gold", score=0.2, is_lower_better=True)])

    assert compare(first, second, Selection("one", ("a",))).score_sign_test.wins == 1


def test_different_test_data_is_said() -> None:
    first, second = results(seed_of({"a": "gold"})), results(seed_of({"a": "gold"}), edition="v2")

    found = compare(first, second, Selection("one", ("a",)))

    assert found.differences == ["edition (v1 → v2)"]
    assert found.notes == ["scores are on different test data"]
