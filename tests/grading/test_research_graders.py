"""Graders of the research suite on data small enough to work out by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from grading.circuits import LISTED, Network, RankedUnits, circuit_grader
from grading.columns import Column
from grading.label_batches import BUDGET, Task, batch_grader, fit_softmax, random_features
from grading.metrics.circuits import causal_gap, masked_outputs
from grading.metrics.combine import mean_over_groups
from grading.metrics.curves import is_found
from grading.metrics.joint import dyadic_joint_nll
from grading.shifted_classes import CLASSES, FUNCTIONS, class_table, detection, joint_loss, labels_themselves, shift_grader
from grading.submission import InvalidSubmission


def test_mean_over_groups_weighs_groups_alike() -> None:
    truth, prediction, groups = np.zeros(4), np.array([0, 1, 1, 1]), np.array(["a", "b", "b", "b"])
    for rows in ([0, 1, 2, 3], [2, 0, 3, 1]):
        assert mean_over_groups(lambda t, p: float(np.mean(t == p)), truth[rows], prediction[rows], groups[rows]) == 0.5


@pytest.mark.parametrize(
    ("truth", "prediction", "found"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], True),
        ([101.0, 102.0, 103.0], [102.0, 102.0, 102.0], False),
        ([0.0, 10.0], [0.0, 12.0], True),
        ([0.0, 10.0], [0.0, 13.0], False),
        ([50.0, 50.0], [54.0, 46.0], True),
        ([50.0, 50.0], [56.0, 50.0], False),
        ([0.0, 0.0], [0.09, 0.0], True),
    ],
)
def test_when_a_function_is_found(truth: list[float], prediction: list[float], found: bool) -> None:
    assert is_found(np.array(truth), np.array(prediction)) is found


def test_joint_loss_of_given_labels_by_hand() -> None:
    half = np.array([[0.5, 0.5]])
    assert dyadic_joint_nll(half, half) == pytest.approx(10 * math.log(2))
    either = np.array([[1.0, 0.0]])
    assert dyadic_joint_nll(either, either, floor=1e-12) == pytest.approx(math.log(2))
    assert dyadic_joint_nll(np.ones((3, 2)), np.ones((3, 2))) == pytest.approx(0)


# three inputs to four hidden units: unit 0 carries input 0 to output 0, unit 1 carries input 1 to output 1, the others do nothing
PARAMETERS = [
    np.array([[1.0, 0, 0.5, 0], [0, 1.0, 0.5, 0], [0, 0, 0, 1.0]]), np.zeros(4),
    np.array([[1.0, 0], [0, 1.0], [0, 0], [0, 0]]), np.zeros(2),
]  # fmt: skip


def test_units_held_at_their_mean() -> None:
    x, means = np.array([[2.0, 3.0, 0.0]]), [np.array([0.5, 0.5, 0.5, 0.5])]
    assert masked_outputs(PARAMETERS, x, means, [np.array([], dtype=int)]).tolist() == [[2.0, 3.0]]
    assert masked_outputs(PARAMETERS, x, means, [np.array([1])]).tolist() == [[2.0, 0.5]]


def test_causal_gap_of_the_right_units_is_half_and_of_the_others_less() -> None:
    labels = np.array([0, 1, 0, 1])
    x, means = np.column_stack([labels, 1 - labels, labels]).astype(float), [np.full(4, 0.5)]
    assert causal_gap(PARAMETERS, x, labels, means, [np.array([0])], 0) == 0.5
    assert causal_gap(PARAMETERS, x, labels, means, [np.array([1, 2, 3])], 0) == -0.5


def test_circuits_are_graded_by_their_prefixes() -> None:
    labels = np.array([[0], [1]] * 5)
    weights = np.zeros((1, 40))
    weights[0, 7] = 1
    network = Network([weights, np.zeros(40), weights.T, np.zeros(1)], [np.full(40, 0.5)], labels.astype(float), labels)
    answers = pd.DataFrame({"row_id": ["a"], "name": ["a"], "concept": [0], "layer": [0], "network": [network]})
    grader = circuit_grader(units=40)
    units = [number for number in range(20) if number != 7]
    at_place = {place: " ".join(map(str, [*units[:place], 7, *units[place : LISTED - 1]])) for place in (0, 5, 15)}
    scores = [grader(pd.DataFrame({"row_id": ["a"], "units": [cell]}), answers) for cell in at_place.values()]
    # within the first 4, within the first 8, within all 16
    assert scores == pytest.approx([0.5, (-0.5 + 0.5 + 0.5) / 3, (-0.5 - 0.5 + 0.5) / 3])


def test_lists_of_units_that_are_refused() -> None:
    kind: Column = RankedUnits(20)
    whole = pd.Series([" ".join(map(str, range(16)))], name="units")
    assert kind.parse(whole, pd.Series(["a"]))[0] == whole[0]
    for cell in kind.refused_cells().values():
        with pytest.raises(InvalidSubmission, match="`units`"):
            kind.parse(pd.Series([cell], name="units"), pd.Series(["a"]))


def batch_task() -> tuple[pd.DataFrame, Task]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 2))
    labels = (x[:, 0] > 0).astype(int)
    features = random_features(x, rng.standard_normal((2, 10)), np.zeros(10))
    task = Task(features[:200], labels[:200], np.array([0, 1]), features[200:], labels[200:], 2, 0.6, 1.0)
    answers = pd.DataFrame({"row_id": [f"t-{k}" for k in range(BUDGET)], "name": "t", "item": 0, "task": [task] * BUDGET})
    return answers, task


def test_batches_are_judged_by_what_the_learner_makes_of_them() -> None:
    answers, task = batch_task()
    grader = batch_grader(pool=200)
    good = answers[["row_id"]].assign(item=range(2, BUDGET + 2))
    assert grader(good, answers) > 0.5
    one_class = np.flatnonzero(task.labels == 1)[:60].tolist() + np.flatnonzero(task.labels == 0)[:40].tolist()
    unseeded = [item for item in one_class if item > 1]
    spare = [item for item in range(2, 200) if item not in unseeded][: BUDGET - len(unseeded)]
    shuffled = answers[["row_id"]].assign(item=[*unseeded, *spare])
    assert grader(shuffled, answers) == grader(shuffled.assign(item=shuffled["item"].to_numpy()[::-1]), answers)


@pytest.mark.parametrize(("item", "message"), [(5, "named twice"), (1, "labelled already"), (999, "at most")])
def test_useless_items_are_refused(item: int, message: str) -> None:
    answers, _ = batch_task()
    submission = answers[["row_id"]].assign(item=[*range(2, BUDGET + 1), item])
    with pytest.raises(InvalidSubmission, match=message):
        batch_grader(pool=200)(submission, answers)


def test_the_learner_finds_the_optimum() -> None:
    rng = np.random.default_rng(0)
    features, labels = rng.standard_normal((60, 4)), rng.integers(3, size=60)
    weights = fit_softmax(features, labels, 3)
    logits = features @ weights
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    gradient = features.T @ (p - np.eye(3)[labels]) + weights
    assert np.abs(gradient).max() < 0.01


@pytest.fixture
def shifted() -> pd.DataFrame:
    labels = [0, 1, 2, 3, -1, -1, 4, 5]
    kinds = ["noise", "noise", "moved", "moved", "none", "none", "none", "none"]
    return pd.DataFrame(
        {"row_id": list("abcdefgh"), "label": labels, "kind": kinds, "pair": [0, 0, 1, 1, -1, -1, -1, -1],
         "base_loss": 10.0, "base_detection": 0.5}
    )  # fmt: skip


def test_labels_themselves_score_0_and_half_of_each_part_counts(shifted: pd.DataFrame) -> None:
    grader = shift_grader()
    best = labels_themselves(shifted)
    assert grader(best, shifted) == pytest.approx(0, abs=1e-9)
    blind = best.assign(unknown=0.0)
    assert detection(shifted, np.zeros(8)) == 0.5
    assert grader(blind, shifted) == pytest.approx(0.5)
    uniform = class_table(shifted["row_id"], np.full((8, 1, CLASSES), 1 / CLASSES), best["unknown"].to_numpy())
    assert joint_loss(shifted, np.full((8, FUNCTIONS, CLASSES), 1 / CLASSES)) == pytest.approx(10 * math.log(CLASSES))
    assert grader(uniform, shifted) == pytest.approx(0.5 * math.log(CLASSES), rel=1e-5)


def test_functions_without_any_probability_are_refused(shifted: pd.DataFrame) -> None:
    empty = labels_themselves(shifted)
    empty.loc[2, [f"s3_p{number}" for number in range(CLASSES)]] = 0.0
    with pytest.raises(InvalidSubmission, match=r"`s3_p0` to `s3_p7`: all probabilities .* \(ids 'c'\)"):
        shift_grader()(empty, shifted)
