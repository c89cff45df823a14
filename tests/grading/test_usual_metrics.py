"""The usual metrics of labels, rankings and numbers against scikit-learn's and worked examples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics as reference

from grading.metrics import classification as ours
from grading.metrics import regression
from grading.metrics.tokens import mean_f1, mean_f_beta, ndcg, top_k_accuracy, top_k_error

LABEL_METRICS: dict[Callable[..., float], Callable[..., float]] = {
    ours.error_rate: reference.zero_one_loss,
    ours.balanced_accuracy: reference.balanced_accuracy_score,
    ours.weighted_f1: lambda truth, prediction: reference.f1_score(truth, prediction, average="weighted", zero_division=0),
    ours.cohen_kappa: reference.cohen_kappa_score,
}
NUMBER_METRICS: dict[Callable[..., float], Callable[..., float]] = {
    regression.mse: reference.mean_squared_error,
    regression.r2: reference.r2_score,
    regression.median_absolute_error: reference.median_absolute_error,
    regression.mape: reference.mean_absolute_percentage_error,
}


@pytest.mark.parametrize(("metric", "theirs"), LABEL_METRICS.items(), ids=lambda metric: metric.__name__)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_metrics_of_labels_are_scikit_learns(metric: Callable[..., float], theirs: Callable[..., float]) -> None:
    rng = np.random.default_rng(1)
    for rows in (2, 7, 200):
        truth, prediction = rng.integers(0, 4, rows), rng.integers(0, 5, rows)
        truth[0], truth[1] = 0, 1
        assert metric(truth, prediction) == pytest.approx(theirs(truth, prediction), abs=1e-12)
        assert metric(truth.astype(str), prediction.astype(str)) == pytest.approx(theirs(truth, prediction), abs=1e-12)


@pytest.mark.parametrize(("metric", "theirs"), NUMBER_METRICS.items(), ids=lambda metric: metric.__name__)
def test_metrics_of_numbers_are_scikit_learns(metric: Callable[..., float], theirs: Callable[..., float]) -> None:
    rng = np.random.default_rng(2)
    for rows in (2, 7, 200):
        truth, prediction = rng.normal(size=(2, rows))
        assert metric(truth, prediction) == pytest.approx(theirs(truth, prediction))


def test_mean_squared_logarithmic_error_is_scikit_learns() -> None:
    truth, prediction = np.random.default_rng(3).random((2, 50)) * 100
    assert regression.msle(truth, prediction) == pytest.approx(reference.mean_squared_log_error(truth, prediction))


def test_average_precision_and_f1_are_scikit_learns_and_ties_count_together() -> None:
    rng = np.random.default_rng(4)
    for scores in (rng.random(100), rng.integers(0, 3, 100), np.zeros(100)):
        truth = (rng.random(100) < 0.3).astype(int)
        assert ours.average_precision(truth, scores) == pytest.approx(reference.average_precision_score(truth, scores))
        said = (scores > 0.5).astype(int)
        assert ours.f1(truth, said) == pytest.approx(reference.f1_score(truth, said, zero_division=0))


def test_brier_score_and_hamming_loss_have_the_same_functions() -> None:
    rng = np.random.default_rng(5)
    truth, labels = rng.integers(0, 2, (2, 30, 4))
    assert ours.error_rate(truth, labels) == pytest.approx(reference.hamming_loss(truth, labels))
    probabilities = rng.random(30)
    assert regression.mse(truth[:, 0], probabilities) == pytest.approx(reference.brier_score_loss(truth[:, 0], probabilities))


def test_normalized_gini_of_two_classes_is_twice_the_area_less_one_in_any_order_of_rows() -> None:
    rng = np.random.default_rng(6)
    truth, scores = rng.integers(0, 2, 200), rng.integers(0, 9, 200)
    order = rng.permutation(200)
    assert ours.normalized_gini(truth, scores) == pytest.approx(2 * reference.roc_auc_score(truth, scores) - 1)
    assert ours.normalized_gini(truth[order], scores[order]) == pytest.approx(ours.normalized_gini(truth, scores))
    assert ours.normalized_gini(truth, np.zeros(200)) == pytest.approx(0)
    amounts = rng.random(50)
    assert ours.normalized_gini(amounts, amounts * 3) == pytest.approx(1)
    assert ours.normalized_gini(amounts, -amounts) == pytest.approx(-1)


@pytest.mark.parametrize(
    ("metric", "truth", "said"),
    [
        (ours.normalized_gini, [1, 1], "answers that differ"),
        (ours.average_precision, [0, 0], "a positive row"),
        (ours.average_precision, [0, 2], "0 and 1"),
        (ours.f1, [0, 2], "0 and 1"),
        (ours.f1, ["a", "b"], "0 and 1"),
        (regression.r2, [3.0, 3.0], "answers that differ"),
        (regression.rmspe, [0.0, 0.0], "not 0"),
    ],
)
def test_answers_that_leave_a_metric_undefined_are_refused(metric: Callable[..., float], truth: list[object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        metric(np.array(truth), np.array([0, 1]))


def test_one_label_throughout_is_full_agreement_and_no_positive_gives_no_f1() -> None:
    same, none = np.array(["a", "a"]), np.zeros(3)
    assert ours.cohen_kappa(same, same) == 1
    assert ours.f1(none, none) == 0


def test_percentage_errors_of_worked_examples() -> None:
    truth, prediction = np.array([0.0, 100.0, 0.0]), np.array([0.0, 50.0, 4.0])
    assert regression.smape(truth, prediction) == pytest.approx((0 + 100 * 50 / 75 + 200) / 3)
    assert regression.rmspe(truth, prediction) == pytest.approx(0.5)


def test_ranked_lists_gain_by_rank_and_repeats_count_once() -> None:
    truth = np.array(["a", "b", "c", "d e", ""], dtype=object)
    ranked = np.array(["a x", "x b", "x y c", "x x d d e", "x"], dtype=object)
    gain_of_two = (1 / np.log2(4)) / (1 + 1 / np.log2(3))
    assert ndcg(3)(truth, ranked) == pytest.approx((1 + 1 / np.log2(3) + 1 / 2 + gain_of_two + 0) / 5)
    assert top_k_accuracy(2)(truth, ranked) == pytest.approx(2 / 5)
    assert top_k_error(2)(truth, ranked) == pytest.approx(3 / 5)


def test_f_beta_of_label_sets_weighs_recall_by_beta() -> None:
    truth, prediction = np.array(["a b", "c", ""], dtype=object), np.array(["a", "c d", ""], dtype=object)
    # precision 1 and recall 1/2; precision 1/2 and recall 1
    assert mean_f_beta(2)(truth, prediction) == pytest.approx((5 * 0.5 / (4 * 1 + 0.5) + 5 * 0.5 / (4 * 0.5 + 1) + 0) / 3)
    assert mean_f_beta(1)(truth, prediction) == pytest.approx(mean_f1(truth, prediction))
