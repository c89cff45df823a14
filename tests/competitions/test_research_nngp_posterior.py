"""Posteriors of wide networks: the kernel, exact laws, the divergence, and what joint predictions are worth."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grading import InvalidSubmission
from grading.function_samples import FUNCTIONS, sample_columns, sample_table
from mlebench.registry import Registry
from mlebench.research.binary_problems import Problem, predict, read_problems

from .folders import module

NAME = "research-nngp-posterior"
divergence, grade, prepare, regression, regressors, rows, wide = (
    module(NAME, name)
    for name in ("joint_divergence", "grade", "prepare", "regression", "regressors", "posterior_rows", "wide_networks")
)
NETWORKS = wide.WideNetworks(depth=2, variance=0.3, bias=0.8)


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    """Small problems of one instance."""
    edition = Registry(split_key="tests").get_competition(NAME).edition
    facts = [
        {"problem": f"p{number:02d}", "inputs": inputs, "examples": examples, "noise": noise}
        for number, (inputs, examples, noise) in enumerate([(1, 10, 0.1), (1, 40, 0.1), (10, 100, 0.1), (10, 200, 0.03)])
    ]
    return [prepare.draw_problem(edition, fact, NETWORKS) for fact in facts]


@pytest.fixture(scope="module")
def answers(problems: list[Problem]) -> pd.DataFrame:
    return pd.concat([prepare.exact_answers(problem, NETWORKS) for problem in problems], ignore_index=True)


def score(method: object, problems: list[Problem], answers: pd.DataFrame) -> float:
    rng = np.random.default_rng(0)
    table = pd.concat([predict(problem, method, rng) for problem in problems], ignore_index=True)  # type: ignore[arg-type]
    return float(grade.grader.score(table, answers))


@pytest.mark.parametrize("depth", [1, 3])
def test_the_kernel_is_the_covariance_of_wide_networks(depth: int) -> None:
    rng = np.random.default_rng(depth)
    networks, width = wide.WideNetworks(depth, 0.4, 1.5), 120
    x = rng.standard_normal((3, 4))
    outputs = []
    for _ in range(1500):
        layer = x @ (rng.standard_normal((4, width)) / 2) + rng.standard_normal(width) * np.sqrt(1.5 / 4)
        for _ in range(depth - 1):
            layer = np.maximum(layer, 0) @ (rng.standard_normal((width, width)) * np.sqrt(2 / width))
        outputs.append(np.maximum(layer, 0) @ rng.standard_normal(width) * np.sqrt(2 * 0.4 / width))
    found = np.cov(np.array(outputs).T)
    scale = np.sqrt(np.outer(np.diag(found), np.diag(found)))
    assert np.abs(found - networks.covariance(x, x)).max() < 0.15 * scale.max()


def test_the_posterior_is_the_conditional_law() -> None:
    rng = np.random.default_rng(0)
    x, test, y = rng.standard_normal((6, 3)), rng.standard_normal((4, 3)), rng.standard_normal(6)
    found = regression.posterior(NETWORKS.covariance, x, y, 0.2, test)
    everything = np.concatenate([x, test])
    joint = NETWORKS.covariance(everything, everything)
    joint[:6, :6] += 0.04 * np.eye(6)
    # the covariance of a conditional normal law is the inverse of the joint law's precision
    precision = np.linalg.inv(joint)[6:, 6:]
    assert found.covariance == pytest.approx(np.linalg.inv(precision), abs=1e-9)
    assert found.mean == pytest.approx(joint[6:, :6] @ np.linalg.solve(joint[:6, :6], y))


def test_divergence_of_normal_laws_is_the_expected_log_ratio() -> None:
    rng = np.random.default_rng(1)
    factors = rng.standard_normal((2, 3, 3)) + 2 * np.eye(3)
    first, second = (factor @ factor.T for factor in factors)
    away = np.array([0.5, -1.0, 0.2])
    found = divergence.normal_divergence(np.zeros(3), first, away, second)
    drawn = rng.multivariate_normal(np.zeros(3), first, 200_000)

    def log_density(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
        distance = ((drawn - mean) @ np.linalg.inv(covariance) * (drawn - mean)).sum(axis=1)
        return np.asarray(-0.5 * (distance + np.linalg.slogdet(covariance)[1]))

    ratios = log_density(np.zeros(3), first) - log_density(away, second)
    assert found == pytest.approx(ratios.mean(), abs=4 * ratios.std() / np.sqrt(len(ratios)))
    assert divergence.normal_divergence(away, first, away, first) == pytest.approx(0, abs=1e-12)


def test_exact_moments_score_0_and_the_prior_scores_1(problems: list[Problem], answers: pd.DataFrame) -> None:
    perfect = grade.grader.perfect_submission(answers)
    assert grade.grader.score(perfect, answers) == pytest.approx(0, abs=1e-9)
    assert grade.grader.score(perfect.sample(frac=1, random_state=0), answers) == pytest.approx(0, abs=1e-9)
    prior = []
    for problem in problems:
        covariance = NETWORKS.covariance(problem.anchors, problem.anchors)
        for group in range(divergence.GROUPS):
            at = slice(group * divergence.GROUP, (group + 1) * divergence.GROUP)
            prior.append(rows.posterior_rows(problem.row_ids[at], np.zeros(divergence.GROUP), covariance[at, at]))
    samples = rows.functions_with_exact_moments(pd.concat(prior, ignore_index=True).assign(group=answers["group"].to_numpy()))
    assert grade.grader.score(samples, answers) == pytest.approx(1, abs=1e-9)


def test_a_group_counts_at_most_three_times_the_prior(answers: pd.DataFrame) -> None:
    far = sample_table(answers["row_id"], np.full((len(answers), FUNCTIONS), 900.0))
    assert grade.grader.score(far, answers) == pytest.approx(grade.CAP)


def test_columns_that_vary_together_beat_right_marginals(problems: list[Problem], answers: pd.DataFrame) -> None:
    """Joint predictions are what is graded: with the same mean and variance everywhere, independence costs most of the gain."""

    def kernel(problem: Problem) -> object:
        return NETWORKS.covariance

    joint = score(regressors.process(kernel), problems, answers)
    marginal = score(regressors.process(kernel, regressors.independent), problems, answers)
    mean = score(regressors.process(kernel, regressors.mean), problems, answers)
    assert joint < 0.1
    assert joint + 0.2 < marginal < mean


def test_shuffling_the_columns_of_each_row_destroys_a_good_submission(answers: pd.DataFrame) -> None:
    perfect = grade.grader.perfect_submission(answers)
    shuffled = perfect.copy()
    shuffled[sample_columns()] = np.random.default_rng(0).permuted(perfect[sample_columns()].to_numpy(), axis=1)
    assert grade.grader.score(shuffled, answers) > 0.2


def test_the_right_kernel_beats_others_and_its_constants_can_be_learnt(problems: list[Problem], answers: pd.DataFrame) -> None:
    found = {
        name: score(regressors.METHODS[name], problems, answers)
        for name in ("network kernel, guessed constants", "squared exponential kernel", "Bayesian linear regression")
    }
    learnt = regressors.common_networks(problems, steps=3)
    best = score(regressors.process(partial(regressors.of_guess, networks=learnt)), problems, answers)
    assert best < found["squared exponential kernel"] < found["Bayesian linear regression"]
    assert found["network kernel, guessed constants"] < found["squared exponential kernel"]


@pytest.mark.parametrize("value", [1001.0, -1001.0, np.nan, "x"])
def test_values_that_are_refused(value: object, answers: pd.DataFrame) -> None:
    submission = grade.grader.perfect_submission(answers).astype({"s007": object})
    submission.loc[3, "s007"] = value
    with pytest.raises(InvalidSubmission, match=r"`s007`.*p00-03"):
        grade.grader.score(submission, answers)


def test_two_keys_are_two_instances_and_the_constants_are_not_public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "MOST_EXAMPLES", 100)
    constants, inputs = [], []
    for key in ("one", "two"):
        edition = Registry(split_key=key).get_competition(NAME).edition
        folders = [tmp_path / key / part for part in ("public", "private")]
        for folder in folders:
            folder.mkdir(parents=True)
        prepare.prepare(tmp_path, *folders, edition)
        constants.append(wide.draw_wide_networks(edition.rng("constants")))
        read = list(read_problems(folders[0]))
        assert {str(array.dtype) for problem in read for array in (problem.x, problem.y, problem.anchors)} == {"float32"}
        assert set(read[0].facts) == {"problem", "inputs", "examples", "noise"}
        inputs.append(np.concatenate([problem.x.ravel() for problem in read]))
        # values at the test inputs are drawn nowhere: the posterior alone is graded
        assert "value" not in pd.read_csv(folders[1] / "answers.csv").columns
    assert constants[0] != constants[1]
    assert abs(float(np.corrcoef(inputs)[0, 1])) < 0.05
