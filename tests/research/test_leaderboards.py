"""The boards of the research suite are what the methods score on the instance of the published key."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from benchmarks.reference_methods import batch_uncertainty, binary
from benchmarks.reference_methods.leaderboards import SLOW_METHODS, leaderboard
from mlebench.registry import Registry
from tests.cases import Cases

RESEARCH = Registry().list_competition_ids("research")
GROUPED = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in RESEARCH]


def board_of(name: str) -> dict[str, float]:
    board = pd.read_csv(Registry().get_competition(name).folder / "leaderboard.csv")
    return dict(zip(board["name"], board["score"], strict=True))


@pytest.mark.parametrize("name", GROUPED)
def test_the_cheap_methods_score_what_the_board_says(name: str, cases: Cases) -> None:
    board = board_of(name)
    measured = leaderboard(cases.published(name), cheap=True)
    assert set(measured) == set(board), "a method has no row, or a row no method"
    # trained networks and trees differ a little between processors
    assert measured == pytest.approx(board, rel=0.03, abs=0.02)


@pytest.mark.parametrize("name", RESEARCH)
def test_boards_are_long_enough_for_three_medals_and_best_first(name: str) -> None:
    competition, scores = Registry().get_competition(name), list(board_of(name).values())
    assert len(scores) >= 12
    assert scores == sorted(scores, reverse=not competition.is_lower_better)
    best = competition.facts.metric.best
    assert best is None or all(score > best if competition.is_lower_better else score < best for score in scores)


def test_slow_methods_stand_on_the_boards() -> None:
    assert set(binary.METHODS) <= set(board_of("research-neural-testbed"))
    for name in ("research-active-batch", "research-active-text"):
        assert name in SLOW_METHODS
        assert set(batch_uncertainty.SELECTORS) <= set(board_of(name))


def test_order_of_methods_on_the_neural_testbed() -> None:
    board = board_of("research-neural-testbed")
    order = [
        "constant 0.5",
        "3 nearest neighbours",
        "random forest, 100 trees, mean",
        "network 50-50",
        "ensemble of 20 networks",
        "ensemble of 20 networks with prior functions",
    ]
    scores = [board[name] for name in order]
    assert scores == sorted(scores, reverse=True)
    assert all(better < worse - 0.02 for worse, better in itertools.pairwise(scores))
    assert board["epinet on a network 50-50"] == pytest.approx(board["ensemble of 20 networks with prior functions"], abs=0.04)


def test_the_bootstrap_helps_where_noise_varies() -> None:
    board = board_of("research-ensemble-heteroscedastic")
    assert board["ensemble of 20 networks, bootstrapped (Bernoulli)"] < board["ensemble of 20 networks"]
    with_priors = "ensemble of 20 networks with prior functions"
    assert board[f"{with_priors}, bootstrapped (Bernoulli)"] < board[with_priors]


def test_sampling_the_posterior_is_what_logistic_problems_reward() -> None:
    board = board_of("research-dyadic-logistic")
    sampled = board["Laplace approximation, full covariance"]
    assert board["random-walk Metropolis, 100 chains of 2000 steps from Laplace"] == pytest.approx(sampled, rel=0.05)
    assert sampled < 0.7 * board["posterior mode"]


def test_correcting_hubs_helps() -> None:
    board = board_of("research-nnn-retrieval")
    assert board["NNN, k 128, alpha 0.75"] > board["no correction"] + 5


def test_a_point_prediction_plays_worse_than_samples_of_it() -> None:
    board = board_of("research-offline-thompson")
    assert board["logistic regression, Laplace samples"] < board["logistic regression"]
    assert board["Gaussian process, network kernel, Laplace samples"] < board["Gaussian process, network kernel, mean"]


def test_prior_functions_help_in_regression_and_joint_samples_beat_marginals() -> None:
    board = board_of("research-nngp-posterior")
    with_priors = board["ensemble of 20 networks with prior functions"]
    assert with_priors < 0.5 * board["ensemble of 20 networks"] < board["network 50-50"]
    assert board["ensemble of 100 networks with prior functions and noisy labels"] < with_priors
    best = "network kernel, constants by evidence of all problems"
    assert board[best] + 0.3 < board[f"{best}, independent marginals"] < board[f"{best}, mean alone"]


def test_exceptions_of_neurons_have_to_be_looked_for() -> None:
    board = board_of("research-find-neurons")
    one = "best concept of a sparse dictionary"
    assert board[f"{one}, or one unless another"] > board[one] + 0.04
    assert board["one or two concepts of a sparse dictionary, or one unless another"] > board[one] + 0.15


def test_one_batch_is_chosen_better_by_diversity_than_by_uncertainty_alone() -> None:
    board = board_of("research-active-batch")
    for uncertainty in ("entropy", "variance of an epinet"):
        assert board[uncertainty] + 0.05 < board[f"{uncertainty} times distance from the batch"] < board["k-centre greedy"]


def test_evidence_chooses_curves_better_than_one_shape_for_all() -> None:
    board = board_of("research-find-numeric")
    one = max(board[name] for name in ("straight line", "cubic polynomial", "quintic polynomial"))
    assert board["library of templates, averaged by BIC"] > one + 0.2
    assert board["Gaussian process, Matern 3/2 kernel"] > board["Gaussian process, squared exponential kernel"] + 0.05
