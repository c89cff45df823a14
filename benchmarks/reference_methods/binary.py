"""Trained networks on the binary problems of the research suite, with the hyperparameters of the Neural Testbed's agents."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from benchmarks.reference_methods.ensembles import Bootstrap, train_dropout, train_ensemble
from benchmarks.reference_methods.epinet import train_epinet
from benchmarks.reference_methods.epistemic import sample_functions
from benchmarks.reference_methods.hypermodel import train_hypermodel
from grading.function_samples import FUNCTIONS
from mlebench.research.binary_methods import forest, temperature
from mlebench.research.binary_problems import Problem
from mlebench.research.networks import sigmoid

Rng = np.random.Generator


def penalty(problem: Problem) -> float:
    """Factor of Σ w² in a network's mean loss: √temperature · inputs / examples."""
    return math.sqrt(temperature(problem)) * problem.facts["inputs"] / problem.facts["examples"]


def ensemble(problem: Problem, rng: Rng, *, members: int, priors: bool = False, bootstrap: Bootstrap = "none") -> np.ndarray:
    """An ensemble; its members repeat where there are fewer than 100. Prior functions have the scale 3 / √temperature."""
    scale = 3 / math.sqrt(temperature(problem)) if priors else 0.0
    trained = train_ensemble(
        problem.x, problem.y, rng, members=members, penalty=penalty(problem), prior_scale=scale, bootstrap=bootstrap
    )
    logits = trained.all_logits(problem.anchors)
    return sigmoid(logits).T[:, np.arange(FUNCTIONS) % members]


def dropout(problem: Problem, rng: Rng) -> np.ndarray:
    """Two hidden layers of 100 units, one in ten left out."""
    return sample_functions(train_dropout(problem.x, problem.y, rng, penalty=penalty(problem)), problem.anchors, FUNCTIONS, rng)


def epinet(problem: Problem, rng: Rng) -> np.ndarray:
    """An epinet on a base network of 50-50."""
    trained = train_epinet(problem.x, problem.y, rng, temperature=temperature(problem))
    return sample_functions(trained, problem.anchors, FUNCTIONS, rng)


def hypermodel(problem: Problem, rng: Rng) -> np.ndarray:
    """A linear hypermodel of a network 50-50."""
    trained = train_hypermodel(problem.x, problem.y, rng, temperature=temperature(problem), penalty=penalty(problem))
    return sample_functions(trained, problem.anchors, FUNCTIONS, rng)


def one_network(problem: Problem, rng: Rng) -> np.ndarray:
    """One network: every sampled function is the same."""
    return ensemble(problem, rng, members=1)[:, :1]


METHODS = {
    "random forest, 100 trees, mean": forest,
    "random forest, 100 trees as sampled functions": partial(forest, as_samples=True),
    "network 50-50": one_network,
    "network 100-100 with dropout 0.1": dropout,
    "epinet on a network 50-50": epinet,
    "linear hypermodel of a network 50-50": hypermodel,
    "ensemble of 20 networks": partial(ensemble, members=20),
    "ensemble of 20 networks, bootstrapped (Bernoulli)": partial(ensemble, members=20, bootstrap="bernoulli"),
    "ensemble of 20 networks with prior functions": partial(ensemble, members=20, priors=True),
    "ensemble of 20 networks with prior functions, bootstrapped (Bernoulli)": partial(
        ensemble, members=20, priors=True, bootstrap="bernoulli"
    ),
    "ensemble of 100 networks with prior functions": partial(ensemble, members=100, priors=True),
}
