"""Joint predictions: known answers, the exact divergence against drawn labels, and what a submission of samples scores."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from grading.function_samples import (
    FUNCTIONS,
    joint_prediction_grader,
    sample_columns,
    sample_table,
)
from grading.metrics.joint import TAU, dyadic_joint_kl, dyadic_joint_nll, uniform_joint_kl
from grading.submission import InvalidSubmission

grader = joint_prediction_grader()
ONE_OR_THE_OTHER = np.array([[0.0, 1.0], [0.0, 1.0]])


@pytest.mark.parametrize(
    ("truth", "samples", "expected"),
    [
        ([0.3, 0.9], [[0.3, 0.3], [0.9, 0.9]], 0.0),
        ([0.5, 0.5], [[0.5], [0.5]], 0.0),
        ([1.0, 1.0], [[0.5], [0.5]], 10 * math.log(2)),
        ([1.0, 1.0], ONE_OR_THE_OTHER, math.log(2)),
    ],
)
def test_known_answers(truth: list[float], samples: object, expected: float) -> None:
    assert dyadic_joint_kl(np.array(truth), np.array(samples)) == pytest.approx(expected, abs=1e-3)


def test_marginals_do_not_tell_fair_coins_from_a_coin_of_unknown_side() -> None:
    truth, fair = np.ones(2), np.full((2, 2), 0.5)
    assert fair.mean(axis=1).tolist() == ONE_OR_THE_OTHER.mean(axis=1).tolist()
    assert dyadic_joint_kl(truth, ONE_OR_THE_OTHER) < 0.2 * dyadic_joint_kl(truth, fair)


def test_uniform_in_closed_form() -> None:
    truth = np.random.default_rng(0).random(7)
    assert uniform_joint_kl(truth) == pytest.approx(dyadic_joint_kl(truth, np.full((7, 3), 0.5)))


@pytest.mark.parametrize("seed", range(4))
def test_exact_divergence_equals_that_of_drawn_labels_within_three_standard_errors(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, samples = rng.random(4), rng.random((4, 6))
    draws = np.array([drawn_divergence(truth, samples, rng) for _ in range(20_000)])
    standard_error = draws.std() / math.sqrt(len(draws))
    assert abs(dyadic_joint_kl(truth, samples) - draws.mean()) < 3 * standard_error


def drawn_divergence(truth: np.ndarray, samples: np.ndarray, rng: np.random.Generator) -> float:
    """log P_true − log P of one dyadic batch, label by label as the definition says."""
    pair = rng.choice(len(truth), size=2, replace=False)
    inputs = pair[rng.integers(2, size=TAU)]
    labels = rng.random(TAU) < truth[inputs]
    of_truth = np.where(labels, truth[inputs], 1 - truth[inputs])
    of_samples = np.where(labels[:, None], samples[inputs], 1 - samples[inputs])
    return float(np.log(of_truth).sum() - np.log(of_samples.prod(axis=0).mean()))


@pytest.fixture
def answers() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {"row_id": [f"r{k}" for k in range(12)], "problem": ["p0"] * 5 + ["p1"] * 7, "probability": rng.random(12)}
    )


def test_true_functions_score_0_and_constants_score_1(answers: pd.DataFrame) -> None:
    assert grader.score(grader.perfect_submission(answers), answers) == pytest.approx(0, abs=1e-9)
    constant = sample_table(answers["row_id"], np.full((12, FUNCTIONS), 0.5))
    assert grader.score(constant, answers) == pytest.approx(1, abs=1e-9)
    assert grader.score(constant.sample(frac=1, random_state=0), answers) == pytest.approx(1, abs=1e-9)


def test_grading_is_deterministic_and_does_not_see_the_order_of_the_columns(answers: pd.DataFrame) -> None:
    table = sample_table(answers["row_id"], np.random.default_rng(0).random((12, FUNCTIONS)))
    assert grader.score(table, answers) == grader.score(table[["s100", "row_id", *sample_columns()[:-1]]], answers)


def test_shuffling_each_row_keeps_the_marginals_and_costs(answers: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    truth = answers["probability"].to_numpy()[:, None]
    side = rng.integers(2, size=FUNCTIONS)
    together = np.clip(np.where(side, truth, 1 - truth), 0.01, 0.99)
    apart = rng.permuted(together, axis=1)
    scores = [grader.score(sample_table(answers["row_id"], samples), answers) for samples in (together, apart)]
    assert scores[0] < scores[1] - 0.05


@pytest.mark.parametrize("cell", ["nan", "1.5", "-0.1", "inf", "x"])
def test_hostile_cells_are_refused(answers: pd.DataFrame, cell: str) -> None:
    table = sample_table(answers["row_id"], np.full((12, FUNCTIONS), 0.5)).astype({"s050": object})
    table.loc[3, "s050"] = cell
    with pytest.raises(InvalidSubmission, match="s050"):
        grader.score(table, answers)


def test_joint_loss_of_given_labels_by_hand() -> None:
    half = np.array([[0.5, 0.5]])
    assert dyadic_joint_nll(half, half) == pytest.approx(10 * math.log(2))
    either = np.array([[1.0, 0.0]])
    assert dyadic_joint_nll(either, either, floor=1e-12) == pytest.approx(math.log(2))
    assert dyadic_joint_nll(np.ones((3, 2)), np.ones((3, 2))) == pytest.approx(0)
