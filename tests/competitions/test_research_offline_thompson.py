"""Regret of Thompson sampling, and what a submission of sampled functions scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from grading.function_samples import FUNCTIONS, sample_columns, sample_table

from .folders import module

regret = module("research-offline-thompson", "regret")
grader = module("research-offline-thompson", "grade").grader


@pytest.fixture
def answers() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {"row_id": [f"r{k}" for k in range(12)], "problem": ["p0"] * 5 + ["p1"] * 7, "probability": rng.random(12)}
    )
    return table.assign(stream=table["problem"].map({"p0": "0a", "p1": "0b"}))


def test_true_functions_score_0_and_constants_score_1(answers: pd.DataFrame) -> None:
    assert grader.score(grader.perfect_submission(answers), answers) == pytest.approx(0, abs=1e-9)
    constant = sample_table(answers["row_id"], np.full((12, FUNCTIONS), 0.5))
    assert grader.score(constant, answers) == pytest.approx(1, abs=1e-9)
    assert grader.score(constant.sample(frac=1, random_state=0), answers) == pytest.approx(1, abs=1e-9)


def test_grading_is_deterministic_and_does_not_see_the_order_of_the_columns(answers: pd.DataFrame) -> None:
    table = sample_table(answers["row_id"], np.random.default_rng(0).random((12, FUNCTIONS)))
    assert grader.score(table, answers) == grader.score(table[["s100", "row_id", *sample_columns()[:-1]]], answers)


def test_a_wrong_point_prediction_can_do_worse_than_playing_at_random() -> None:
    truth = np.array([0.9, 0.8, 0.1])
    sure_of_the_worst = np.array([[0.0], [0.0], [1.0]])
    found = regret.thompson_regret(truth, sure_of_the_worst, np.random.default_rng(0), steps=50)
    assert found == pytest.approx(50 * 0.8)
    assert found > regret.uniform_regret(truth, steps=50)


def test_thompson_sampling_finds_the_function_that_explains_the_rewards() -> None:
    truth = np.array([0.9, 0.1])
    samples = np.array([[0.9, 0.1], [0.1, 0.9]])
    found = regret.thompson_regret(truth, samples, np.random.default_rng(0), steps=100)
    assert 0 < found < 0.1 * regret.uniform_regret(truth, steps=100)
