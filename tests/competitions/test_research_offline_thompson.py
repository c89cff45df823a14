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


def play_by_play(truth: np.ndarray, samples: np.ndarray, rng: np.random.Generator, steps: int, replays: int) -> float:
    """What `thompson_regret` computes, as its text says it."""
    functions = samples.shape[1]
    is_best = samples == samples.max(axis=0)
    lost = truth.max() - (truth[:, None] * is_best).sum(axis=0) / is_best.sum(axis=0)
    likelihood = np.clip(samples, 0.02, 0.98)
    weights = np.full((replays, functions), 1 / functions)
    total = 0.0
    for _ in range(steps):
        for_function, for_tie, for_reward = rng.random((3, replays))
        regrets = np.empty(replays)
        for replay in range(replays):
            cumulative = weights[replay].cumsum()
            drawn = min(int((cumulative < for_function[replay] * cumulative[-1]).sum()), functions - 1)
            regrets[replay] = lost[drawn]
            best = np.flatnonzero(is_best[:, drawn])
            arm = best[int(for_tie[replay] * len(best))]
            weights[replay] *= likelihood[arm] if for_reward[replay] < truth[arm] else 1 - likelihood[arm]
            weights[replay] /= weights[replay].sum()
        total += float(regrets.sum())
    return total / replays


@pytest.mark.parametrize("seed", range(12))
def test_playing_all_replays_at_once_gives_the_same_to_the_last_bit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arms, functions = int(rng.integers(2, 40)), int(rng.integers(1, 110))
    samples = rng.random((arms, functions)) if seed % 3 else rng.integers(0, 3, (arms, functions)) / 2
    truth = rng.random(arms)
    found = regret.thompson_regret(truth, samples, np.random.default_rng(seed), steps=25, replays=9)
    assert found == play_by_play(truth, samples, np.random.default_rng(seed), 25, 9)
