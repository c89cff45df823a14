"""Index play on submitted beliefs, and what joint beliefs and prior functions are worth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlebench.registry import Registry

from .folders import module

NAME = "research-sequential-bandit"
beliefs, play, methods = (module(NAME, name) for name in ("beliefs", "index_play", "belief_methods"))
grader = module(NAME, "grade").grader
CELLS, CONTEXTS, ARMS, STAGES = beliefs.CELLS, beliefs.CONTEXTS, beliefs.ARMS, beliefs.STAGES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The instance of a key of its own."""
    folder = tmp_path_factory.mktemp("bandits")
    for part in ("public", "private"):
        (folder / part).mkdir()
    Registry(split_key="a key for tests").get_competition(NAME).prepare_fn(folder, folder / "public", folder / "private")
    return folder


@pytest.fixture(scope="module")
def answers(folder: Path) -> pd.DataFrame:
    return answers_in(folder)


def answers_in(folder: Path) -> pd.DataFrame:
    return grader.read(folder / "private" / "answers.csv").sort_values("row_id")


def belief(mean: np.ndarray, own: float = 0.0, loadings: np.ndarray | None = None, width: float = 0.0) -> object:
    none = np.zeros((len(mean), 1))
    return play.Belief(mean, np.full(len(mean), own), none if loadings is None else loadings, np.full((len(mean), STAGES), width))


def test_true_rewards_score_0_and_the_sample_scores_1(answers: pd.DataFrame, folder: Path) -> None:
    assert grader.score(grader.perfect_submission(answers), answers) == 0
    sample = pd.read_csv(folder / "public" / "sample_submission.csv")
    assert grader.score(sample, answers) == pytest.approx(1, abs=1e-9)


def test_conditioning_on_rewards_one_by_one_is_exact_regression() -> None:
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((6, 6))
    mean, covariance, noise = rng.standard_normal(6), factor @ factor.T, 0.7
    cells, rewards = np.array([3, 0, 3, 5]), rng.standard_normal(4)
    means, covariances = mean[None].copy(), covariance[None].copy()
    for cell, reward in zip(cells, rewards, strict=True):
        play.condition(means, covariances, np.array([cell]), np.array([reward]), noise)
    expected = methods.Normal(mean, covariance).given(cells, rewards, noise)
    assert means[0] == pytest.approx(expected.mean)
    assert covariances[0] == pytest.approx(expected.covariance)


def test_a_certain_belief_in_the_worst_arms_does_worse_than_playing_at_random() -> None:
    truth = np.random.default_rng(1).standard_normal(CELLS)
    worst, uniform = play.index_regret(truth, belief(-truth), 1.0, np.random.default_rng(0), steps=40)
    assert worst > uniform
    assert play.index_regret(truth, belief(-truth), 1.0, np.random.default_rng(0), steps=40) == (worst, uniform)


def test_one_reward_teaches_a_joint_belief_about_other_contexts() -> None:
    # the same arm is best everywhere, and the joint belief knows that arms differ while contexts do not
    truth = np.tile(np.eye(ARMS)[4] * 2, CONTEXTS)
    shared = np.tile(np.eye(ARMS), (CONTEXTS, 1))
    joint, _ = play.index_regret(truth, belief(np.zeros(CELLS), 0, shared, 1.0), 0.5, np.random.default_rng(0))
    apart, uniform = play.index_regret(truth, belief(np.zeros(CELLS), 1.0, None, 1.0), 0.5, np.random.default_rng(0))
    assert joint < 0.4 * apart < 0.4 * uniform


def test_the_width_of_each_stage_is_the_one_played() -> None:
    # greedy play keeps to the arm that it believes in; any width leaves it for the arms it knows nothing of
    truth = np.tile(np.eye(ARMS)[1] * 3, CONTEXTS)
    mean, own = np.tile(np.eye(ARMS)[0], CONTEXTS), np.tile(1.0 - np.eye(ARMS)[0], CONTEXTS)
    regrets = []
    for widths in ((0, 0, 0, 0), (0, 0, 0, 9), (0, 9, 9, 9), (9, 9, 9, 9)):
        stated = play.Belief(mean, own, np.zeros((CELLS, 1)), np.tile(widths, (CELLS, 1)).astype(float))
        regrets.append(play.index_regret(truth, stated, 0.1, np.random.default_rng(0))[0])
    assert regrets[0] == 3 * beliefs.STEPS
    assert regrets[0] > regrets[1] > regrets[2] > regrets[3]


def test_a_tie_is_charged_by_what_it_loses_on_average() -> None:
    truth = np.random.default_rng(2).standard_normal(CELLS)
    played, uniform = play.index_regret(truth, belief(np.zeros(CELLS)), 1.0, np.random.default_rng(5), steps=30)
    assert played == pytest.approx(uniform)


def test_a_covariance_of_few_factors_is_kept_by_its_factors() -> None:
    rng = np.random.default_rng(0)
    loadings, own = rng.standard_normal((CELLS, 5)), 0.3
    covariance = loadings @ loadings.T
    found_own, found = methods.factorised(covariance)
    assert found @ found.T == pytest.approx(covariance)
    assert found_own == pytest.approx(0, abs=1e-6)
    found_own, found = methods.factorised(np.eye(CELLS) * own**2)
    assert found_own == pytest.approx(own) and not found.any()


def test_joint_beliefs_beat_marginal_ones_and_those_beat_means_alone(folder: Path, answers: pd.DataFrame) -> None:
    """The published finding: decisions are driven by joint predictions."""
    bandits, network = list(methods.read_bandits(folder / "public")), methods.from_kernel(methods.NETWORK)

    def score(model: object, width: float) -> float:
        table = methods.submitted(bandits, model, (width,) * STAGES, np.random.default_rng(0))
        return float(grader.score(table, answers))

    joint, marginal, means = score(network, 1.0), score(methods.marginal(network), 1.0), score(methods.certain(network), 0.0)
    assert joint < 0.9 * marginal
    assert marginal < 0.9 * means


def test_prior_functions_help_an_ensemble(folder: Path, answers: pd.DataFrame) -> None:
    bandits = list(methods.read_bandits(folder / "public"))
    plain, with_priors = (
        grader.score(
            methods.submitted(bandits, methods.random_feature_ensemble(members=200, priors=priors), (1.0,) * STAGES,
                              np.random.default_rng(0)), answers,
        )
        for priors in (False, True)
    )  # fmt: skip
    assert with_priors < 0.95 * plain


def test_prior_functions_help_trained_networks() -> None:
    board = Registry().get_competition(NAME).read_leaderboard().set_index("name")["score"]
    assert (
        board["ensemble of 30 trained networks with prior functions, width 1"]
        < 0.6 * board["ensemble of 30 trained networks, width 1"]
    )


def test_the_logs_show_which_features_are_relevant(folder: Path) -> None:
    bandits = list(methods.read_bandits(folder / "public"))
    fitted = methods.fitted_relevances(bandits, methods.NETWORK, sweeps=2)
    assert methods.log_evidence(bandits, methods.NETWORK, fitted) > methods.log_evidence(bandits, methods.NETWORK, np.ones(8)) + 5


def test_no_public_array_tells_the_rewards(folder: Path, answers: pd.DataFrame) -> None:
    """Cells that were never played: features, order and the other key's rewards say nothing about their rewards alone."""
    other = Registry(split_key="another key").get_competition(NAME)
    elsewhere = folder / "elsewhere"
    for part in ("public", "private"):
        (elsewhere / part).mkdir(parents=True)
    other.prepare_fn(elsewhere, elsewhere / "public", elsewhere / "private")
    theirs = answers_in(elsewhere)["reward"].to_numpy()
    ours = answers["reward"].to_numpy()
    inputs = np.concatenate([bandit.inputs for bandit in methods.read_bandits(folder / "public")])
    place = np.arange(len(ours)) % CELLS
    # the correlation of 48 independent functions, so of far fewer than 4608 independent values
    for told in (theirs, place, place % ARMS, np.linalg.norm(inputs, axis=1), *inputs.T):
        assert abs(np.corrcoef(told, ours)[0, 1]) < 0.2
