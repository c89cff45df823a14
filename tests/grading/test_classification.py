"""Metrics of classification against scikit-learn and worked examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, label_ranking_average_precision_score, roc_auc_score

from grading.metrics.classification import (
    label_ranking_average_precision,
    macro_f1,
    macro_f1_over_truth,
    probabilistic_f1,
    quadratic_weighted_kappa,
    weighted_roc_auc,
)

LABELS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7)), min_size=1, max_size=40)
low_false_alarms = weighted_roc_auc(thresholds=(0.0, 0.4, 1.0), weights=(2.0, 1.0))


@given(LABELS)
def test_macro_f1_is_scikit_learns(rows: list[tuple[int, int]]) -> None:
    truth, prediction = np.array(rows).T
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
