"""Estimates and tests against values worked out by hand or by enumeration."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlebench.reports.statistics import bootstrap_difference, bootstrap_interval, estimate, mean_pass_at_k, pass_at_k, sign_test


def test_mean_and_standard_error() -> None:
    # deviations −4, 2, 2: variance 24/2 = 12, error √12/√3 = 2; t(0.975, 2 degrees) = 4.302653
    mean, error, lower, upper = estimate([10, 16, 16])

    assert mean == 14
    assert error == pytest.approx(2)
    assert (lower, upper) == pytest.approx((14 - 8.605305, 14 + 8.605305))


def test_of_one_seed_nothing_but_the_mean_is_known() -> None:
    assert estimate([36.0]) == (36, None, None, None)


def test_of_one_competition_no_interval_is_known() -> None:
    assert bootstrap_interval([36.0]) is None
    assert bootstrap_difference([36.0, 20.0], [1.0]) is None
    assert bootstrap_interval([36.0, 20.0]) is not None


def test_interval_stays_within_bounds() -> None:
    low = estimate([0.0, 10.0], 0, 100)

    assert low.ci_lower == 0
    assert low.mean == 5


def test_no_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one seed"):
        estimate([])


@given(st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_lucky_draws(case: tuple[int, int, int]) -> None:
    attempts, successes, k = case
    outcomes = [True] * successes + [False] * (attempts - successes)
    draws = list(itertools.combinations(outcomes, k))

    assert pass_at_k(attempts, successes, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_pass_at_k_over_competitions() -> None:
    # pass@1: 1/3, 1, 0; pass@2: 2/3, 1, 0; pass@3: 1, 1, 0
    curve = mean_pass_at_k([[True, False, False], [True, True, True], [False, False, False]])

    assert [point.k for point in curve] == [1, 2, 3]
    assert [point.percentage for point in curve] == pytest.approx([44.4444, 55.5556, 66.6667], abs=1e-3)


def test_pass_at_more_than_the_attempts_is_refused() -> None:
    with pytest.raises(ValueError, match="pass@4"):
        pass_at_k(3, 1, 4)


def test_bootstrap_covers_a_coin_like_the_normal_interval() -> None:
    lower, upper = bootstrap_interval([1.0] * 200 + [0.0] * 200)

    assert (lower, upper) == pytest.approx((0.5 - 1.96 * 0.025, 0.5 + 1.96 * 0.025), abs=0.004)
    assert bootstrap_interval([0.3, 0.3]) == pytest.approx((0.3, 0.3))
    assert bootstrap_interval([1.0, 0.0, 0.5]) == bootstrap_interval([1.0, 0.0, 0.5])


def test_sign_test_by_hand() -> None:
    # 5 of 6 decided: 2 · (C(6,0) + C(6,1)) / 2⁶ = 14/64
    assert sign_test([1, 2, 0.5, 3, 0.1, -1, 0, 0]) == (5, 2, 1, pytest.approx(14 / 64))
    assert sign_test([0.0, 0.0]) == (0, 2, 0, 1)
    assert sign_test([1.0, -1.0]).p_value == 1


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=9))
def test_sign_test_by_enumeration(differences: list[float]) -> None:
    decided = [difference for difference in differences if difference]
    ahead = sum(decided)
    worlds = list(itertools.product([-1, 1], repeat=len(decided)))
    as_uneven = sum(abs(sum(world)) >= abs(ahead) for world in worlds) / len(worlds)

    assert math.isclose(sign_test(differences).p_value, min(1.0, as_uneven))
