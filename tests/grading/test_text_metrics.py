"""Metrics of words, orders and ranks against their definitions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from grading.metrics.correlation import pearson, spearman
from grading.metrics.ordering import inversions, pooled_kendall_tau
from grading.metrics.tokens import mean_f1, mean_jaccard

WORDS = [*"abcdeABC", " ", " "]


def texts(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.array(["".join(rng.choice(WORDS, size=rng.integers(0, 9))) for _ in range(count)], dtype=object)


def test_mean_jaccard_equals_its_definition_on_sets() -> None:
    rng = np.random.default_rng(0)
    truth, prediction = texts(rng, 300), texts(rng, 300)
    expected = []
    for a, b in zip(truth, prediction, strict=True):
        left, right = set(a.lower().split()), set(b.lower().split())
        expected.append(len(left & right) / len(left | right) if left | right else 1.0)
    assert mean_jaccard(both_empty=1.0)(truth, prediction) == pytest.approx(np.mean(expected))
    assert min(expected) == 0 and max(expected) == 1


def test_mean_jaccard_of_two_empty_texts_is_as_told() -> None:
    empty = np.array(["", " \n"], dtype=object)
    assert mean_jaccard(both_empty=1.0)(empty, empty) == 1
    assert mean_jaccard(both_empty=0.0)(empty, empty) == 0


def test_mean_f1_counts_unknown_and_repeated_labels() -> None:
    truth = np.array(["python", "c# .net", "r"], dtype=object)
    prediction = np.array(["python python nowhere", "c#", ""], dtype=object)
    assert mean_f1(truth, prediction) == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)


def test_inversions_count_pairs_in_the_wrong_order() -> None:
    for order in itertools.chain(itertools.permutations(range(5)), itertools.product(range(3), repeat=5)):
        assert inversions(order) == sum(a > b for a, b in itertools.combinations(order, 2))


def test_kendall_tau_pools_pairs_over_sequences() -> None:
    assert pooled_kendall_tau([[0, 1, 2], [1, 0]]) == pytest.approx(1 - 4 * 1 / 8)
    assert pooled_kendall_tau([[2, 1, 0], [1, 0]]) == -1
    assert pooled_kendall_tau([[0]]) == 1


def test_spearman_gives_ties_their_mean_rank() -> None:
    rng = np.random.default_rng(1)
    truth, prediction = rng.integers(0, 4, 100) / 3, rng.normal(size=100).round(1)
    assert spearman(truth, prediction) == pytest.approx(spearmanr(truth, prediction).statistic)


@pytest.mark.parametrize("rows", [2, 3, 100, 20_000])
@pytest.mark.parametrize("scale", [1.0, 1e100, 1e-300])
def test_correlations_are_scipys(rows: int, scale: float) -> None:
    rng = np.random.default_rng(rows)
    truth, noise = rng.normal(size=rows) + 3, rng.normal(size=rows)
    for prediction in (noise, (truth + noise).round(1), np.arange(rows) % 2, truth, -truth):
        expected = [pearsonr(truth, prediction)[0], spearmanr(truth, prediction)[0]]
        assert [pearson(scale * truth, prediction), spearman(truth, scale * prediction)] == pytest.approx(expected, abs=1e-13)


def test_correlation_with_a_constant_is_zero() -> None:
    assert pearson(np.arange(5.0), np.zeros(5)) == 0
    assert spearman(np.ones(5), np.arange(5.0)) == 0
