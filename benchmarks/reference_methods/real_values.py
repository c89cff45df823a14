"""Trained networks on the regression problems of the research suite.

With noisy labels, and in the epinet, every member or index has labels with its own errors of the stated size, so that the
uncertainty due to noise is part of the spread.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.reference_methods.ensembles import train_ensemble
from benchmarks.reference_methods.epinet import train_epinet
from grading.function_samples import FUNCTIONS
from mlebench.research.binary_problems import Problem
from mlebench.research.trained_networks import residual

Rng = np.random.Generator

_UNITS = 50
_EPINET_TEMPERATURE = 0.8
"""Gives the epinet's prior functions a standard deviation of about ½, that of the problems' functions."""


def penalty(problem: Problem) -> float:
    """Factor of Σ w² in the mean of half the squared errors: that of weights with variance 1/units."""
    return 0.5 * _UNITS * problem.facts["noise"] ** 2 / problem.facts["examples"]


def ensemble(problem: Problem, rng: Rng, *, members: int, priors: bool = False, noisy: bool = False) -> np.ndarray:
    """An ensemble; its members repeat where there are fewer than 100. Prior functions have a standard deviation of about ½."""
    errors = problem.facts["noise"] * rng.standard_normal((members, len(problem.y))) if noisy else 0.0
    trained = train_ensemble(
        problem.x, problem.y + errors, rng, members=members, penalty=penalty(problem), prior_scale=float(priors),
        signal_of=residual,
    )  # fmt: skip
    return trained.all_logits(problem.anchors).T[:, np.arange(FUNCTIONS) % members]


def epinet(problem: Problem, rng: Rng) -> np.ndarray:
    """An epinet on a base network of 50-50."""
    trained = train_epinet(
        problem.x, problem.y, rng, temperature=_EPINET_TEMPERATURE, penalty=penalty(problem), noise=problem.facts["noise"],
        signal_of=residual,
    )  # fmt: skip
    # not `sample_functions`, whose outputs are probabilities
    indices = [trained.draw_index(rng) for _ in range(FUNCTIONS)]
    return np.column_stack([trained.logits(problem.anchors, index) for index in indices])


def forest(problem: Problem, rng: Rng) -> np.ndarray:
    """Each tree of a random forest as a sampled function."""
    from sklearn.ensemble import RandomForestRegressor

    model = RandomForestRegressor(FUNCTIONS, max_features=1 / 3, random_state=int(rng.integers(2**31)))
    model.fit(problem.x, problem.y)
    return np.column_stack([tree.predict(problem.anchors) for tree in model.estimators_])


METHODS = {
    "random forest, 100 trees as sampled functions": forest,
    "network 50-50": partial(ensemble, members=1),
    "epinet on a network 50-50": epinet,
    "ensemble of 20 networks": partial(ensemble, members=20),
    "ensemble of 20 networks with prior functions": partial(ensemble, members=20, priors=True),
    "ensemble of 20 networks with prior functions and noisy labels": partial(ensemble, members=20, priors=True, noisy=True),
    "ensemble of 100 networks with prior functions and noisy labels": partial(ensemble, members=100, priors=True, noisy=True),
}
