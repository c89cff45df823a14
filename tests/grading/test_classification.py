"""Metrics of classification against scikit-learn and worked examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    cohen_kappa_score,
    f1_score,
    label_ranking_average_precision_score,
    matthews_corrcoef,
    roc_auc_score,
    roc_curve,
)

from grading.metrics.classification import (
    _roc_curve,
    label_ranking_average_precision,
    log_loss,
    macro_f1,
    macro_f1_over_truth,
    matthews_correlation,
    probabilistic_f1,
    quadratic_weighted_kappa,
    roc_auc,
    weighted_roc_auc,
)

LABELS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7)), min_size=1, max_size=40)
low_false_alarms = weighted_roc_auc(thresholds=(0.0, 0.4, 1.0), weights=(2.0, 1.0))


def scores_with_ties(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Smooth, rounded, two-valued, constant or enormous scores."""
    scores = rng.normal(size=rows)
    return [scores, scores.round(1), np.sign(scores), np.zeros(rows), scores * 1e100, scores * 1e-310][rng.integers(6)]


@pytest.mark.parametrize("rows", [2, 3, 10, 1_000, 30_000])
def test_area_and_curve_are_scikit_learns_to_the_last_bit(rows: int) -> None:
    rng = np.random.default_rng(rows)
    for _ in range(20):
        truth, scores = rng.random(rows) < rng.random(), scores_with_ties(rng, rows)
        truth[:2] = False, True
        for labels in (truth, truth.astype(np.int64), truth.astype(np.float64)):
            assert roc_auc(labels, scores) == roc_auc_score(labels, scores)
        for ours, theirs in zip(_roc_curve(truth, scores), roc_curve(truth, scores)[:2], strict=True):
            assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("truth", [[], [1], [0, 0], [1, 1], [0, 1, 2]])
def test_area_needs_two_classes(truth: list[int]) -> None:
    for metric in (roc_auc, low_false_alarms):
        with pytest.raises(ValueError, match="needs both classes among the answers"):
            metric(np.array(truth), np.arange(len(truth)) / 3)


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 2)), min_size=1, max_size=30), st.sampled_from([1, 10**7, 2**61]))
def test_kappa_and_correlation_are_scikit_learns_for_numbers_far_apart(rows: list[tuple[int, int]], scale: int) -> None:
    truth, prediction = scale * np.array(rows).T
    if len(np.unique([truth, prediction])) == 1:
        assert quadratic_weighted_kappa(truth, prediction) == quadratic_weighted_kappa(truth, prediction, labels=[truth[0]]) == 1
        assert matthews_correlation(truth, prediction) == 0
        return
    expected = cohen_kappa_score(truth, prediction, weights="quadratic")
    assert quadratic_weighted_kappa(truth, prediction) == pytest.approx(expected, abs=1e-14)
    grades = [scale * grade for grade in range(-3, 4)]
    expected = cohen_kappa_score(truth, prediction, labels=grades, weights="quadratic")
    assert quadratic_weighted_kappa(truth, prediction, labels=grades) == pytest.approx(expected, abs=1e-14)
    assert matthews_correlation(truth, prediction) == matthews_corrcoef(truth, prediction)
    assert matthews_correlation(truth > 0, prediction > 0) == matthews_corrcoef(truth > 0, prediction > 0)


def test_kappa_needs_no_memory_for_pairs_of_grades() -> None:
    truth = np.arange(200_000)
    # whole numbers without bounds are valid in v1: a table of all pairs would have 40 billion cells
    assert quadratic_weighted_kappa(truth, truth * 10**6) < 1
    assert quadratic_weighted_kappa(truth, truth) == 1


@pytest.mark.parametrize("classes", [2, 5, 120])
def test_log_loss_of_one_hot_rows_is_that_of_all_classes(classes: int) -> None:
    rng = np.random.default_rng(classes)
    truth, prediction = np.eye(classes)[rng.integers(classes, size=500)], rng.dirichlet(np.full(classes, 0.05), size=500)
    clipped = np.clip(prediction, np.finfo(float).eps, 1 - np.finfo(float).eps)
    assert log_loss(truth, prediction) == -np.mean(np.sum(truth * np.log(clipped), axis=1))
    # rows that are not one-hot: two classes, none, or shares of them
    for odd in (truth + truth[::-1], truth * rng.integers(0, 2, (500, 1)), rng.dirichlet(np.ones(classes), size=500)):
        assert log_loss(odd, prediction) == -np.mean(np.sum(odd * np.log(clipped), axis=1))


@given(LABELS)
def test_macro_f1_is_scikit_learns(rows: list[tuple[int, int]]) -> None:
    for truth, prediction in (np.array(rows).T, 10**15 * np.array(rows).T, np.array(rows).T.astype(str)):
        assert macro_f1(truth, prediction) == pytest.approx(f1_score(truth, prediction, average="macro", zero_division=0))
        classes = np.unique(truth)
        expected = f1_score(truth, prediction, average="macro", labels=classes, zero_division=0)
        assert macro_f1_over_truth(truth, prediction) == pytest.approx(expected)


def test_a_stray_class_costs_a_share_of_the_union_only() -> None:
    truth, prediction = np.array([1, 1, 2, 2]), np.array([1, 1, 2, 9])
    assert macro_f1(truth, prediction) == pytest.approx((1 + 2 / 3 + 0) / 3)
    assert macro_f1_over_truth(truth, prediction) == pytest.approx((1 + 2 / 3) / 2)


def test_weighted_roc_auc_of_known_cases() -> None:
    alternating = np.array([0, 1] * 5)
    assert low_false_alarms(alternating, alternating.astype(float)) == 1.0
    assert low_false_alarms(alternating, np.full(10, 0.3)) == pytest.approx(0.585714, abs=1e-6)
    scores = np.array([0.1, 0.4, 0.35, 0.8, 0.2, 0.3, 0.9, 0.5, 0.5, 0.6])
    assert low_false_alarms(alternating, scores) == pytest.approx(0.7)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=4, max_size=60))
def test_weighted_roc_auc_with_equal_weights_is_the_plain_area(rows: list[tuple[bool, int]]) -> None:
    truth, scores = np.array([int(label) for label, _ in rows]), np.array([score for _, score in rows])
    truth[:2] = 0, 1
    plain = weighted_roc_auc(thresholds=(0.0, 0.25, 0.5, 1.0), weights=(1.0, 1.0, 1.0))
    assert plain(truth, scores) == pytest.approx(roc_auc_score(truth, scores))
    # only the ranking matters
    assert low_false_alarms(truth, scores) == pytest.approx(low_false_alarms(truth, np.exp(scores) - 7))


def test_probabilistic_f1_worked_by_hand() -> None:
    truth = np.array([1, 1, 0, 0])
    # pTP 1.2, pFP 0.4: precision 0.75, recall 0.6
    assert probabilistic_f1(truth, np.array([0.8, 0.4, 0.4, 0.0])) == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    # precision and recall are both too small for a float
    assert probabilistic_f1(truth, np.array([5e-324, 0.0, 1.0, 1.0])) == pytest.approx(0)
    assert probabilistic_f1(truth, np.array([7.0, 1.0, -3.0, 0.0])) == 1
    assert probabilistic_f1(truth, np.zeros(4)) == probabilistic_f1(truth, -np.ones(4)) == 0
    assert probabilistic_f1(np.zeros(4), np.ones(4)) == 0


def test_kappa_counts_distance_in_grades_or_in_places() -> None:
    truth = np.array([0, 2, 4, 2])
    assert quadratic_weighted_kappa(truth, np.array([0, 2, 2, 4])) == pytest.approx(0.5)
    assert quadratic_weighted_kappa(truth, np.array([0, 2, 2, 3])) == pytest.approx(0.28571, abs=1e-5)
    # observed squared distances sum to 5; over all pairs of truth and prediction their mean, four times, is 13
    assert quadratic_weighted_kappa(truth, np.array([0, 2, 2, 3]), labels=range(5)) == pytest.approx(1 - 5 / 13)
    assert quadratic_weighted_kappa(truth, np.full(4, 2)) == 0.0
    assert quadratic_weighted_kappa(np.full(4, 2), np.full(4, 2)) == 1.0


@given(st.lists(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=5, max_size=5), min_size=1, max_size=20))
def test_label_ranking_average_precision_is_scikit_learns_weighted_by_labels(rows: list[list[tuple[bool, int]]]) -> None:
    table = np.array(rows)
    truth, scores = table[:, :, 0].astype(int), table[:, :, 1].astype(float)
    truth[0, 0] = 1
    labelled = truth.any(axis=1)
    expected = label_ranking_average_precision_score(truth[labelled], scores[labelled], sample_weight=truth[labelled].sum(axis=1))
    assert label_ranking_average_precision(truth, scores) == pytest.approx(expected)


def test_label_ranking_average_precision_of_known_cases() -> None:
    assert label_ranking_average_precision(np.array([[1, 0, 0, 1]]), np.ones((1, 4))) == 0.5
    truth = np.array([[1, 0, 1], [0, 1, 0]])
    assert label_ranking_average_precision(truth, np.array([[3, 2, 1], [1, 2, 3]])) == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)
