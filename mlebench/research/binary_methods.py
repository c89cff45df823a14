"""Cheap methods for binary problems of unknown functions: each gives P(y = 1) at the anchors under sampled functions.

The temperature of a problem is one number that may be told, or lies between two that are told.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from grading.function_samples import FUNCTIONS
from mlebench.research.binary_problems import Problem
from mlebench.research.gaussian_process import LatentPosterior, classify, network_kernel, squared_exponential
from mlebench.research.logistic import laplace_samples, posterior_mode
from mlebench.research.networks import draw_network, sigmoid

Rng = np.random.Generator


def temperature(problem: Problem) -> float:
    """The problem's temperature; the geometric mean where two are told."""
    facts = problem.facts
    return float(
        facts["temperature"] if "temperature" in facts else math.sqrt(facts["low_temperature"] * facts["high_temperature"])
    )


def constant(problem: Problem, rng: Rng) -> np.ndarray:
    """½ everywhere."""
    return np.full((len(problem.anchors), 1), 0.5)


def prior_samples(problem: Problem, rng: Rng) -> np.ndarray:
    """Functions of the prior, the data ignored."""
    networks = [draw_network(rng, problem.facts["inputs"]) for _ in range(FUNCTIONS)]
    return np.column_stack([network.probability(problem.anchors, temperature(problem)) for network in networks])


def weighted_prior_samples(problem: Problem, rng: Rng, *, draws: int = 300) -> np.ndarray:
    """Functions of the prior, drawn again by how well they explain the data (importance resampling)."""
    networks = [draw_network(rng, problem.facts["inputs"]) for _ in range(draws)]
    x, y = problem.x[:200], problem.y[:200]
    fits = np.array([_log_likelihood(network.probability(x, temperature(problem)), y) for network in networks])
    chances = np.exp(fits - fits.max())
    kept = rng.choice(draws, FUNCTIONS, p=chances / chances.sum())
    return np.column_stack([networks[index].probability(problem.anchors, temperature(problem)) for index in kept])


def neighbours(problem: Problem, rng: Rng, *, k: int) -> np.ndarray:
    """Share of ones among the k nearest training inputs, cut to [0.01, 0.99]."""
    from sklearn.neighbors import NearestNeighbors

    finder = NearestNeighbors(n_neighbors=min(k, len(problem.x))).fit(problem.x)
    near = finder.kneighbors(problem.anchors, return_distance=False)
    return np.asarray(np.clip(problem.y[near].mean(axis=1), 0.01, 0.99)[:, None])


def forest(problem: Problem, rng: Rng, *, trees: int = 100, as_samples: bool = False) -> np.ndarray:
    """A random forest: its mean, cut to [0.01, 0.99], or each tree as a sampled function."""
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(trees, random_state=int(rng.integers(2**31))).fit(problem.x, problem.y)
    if len(model.classes_) < 2:
        return np.full((len(problem.anchors), 1), np.clip(model.classes_[0], 0.01, 0.99))
    if as_samples:
        return np.column_stack([tree.predict_proba(problem.anchors)[:, 1] for tree in model.estimators_])
    return np.asarray(np.clip(model.predict_proba(problem.anchors)[:, 1:], 0.01, 0.99))


def logistic_regression(problem: Problem, rng: Rng, *, sampled: bool = False) -> np.ndarray:
    """Logistic regression under a normal prior of about the network's spread: its mode, or Laplace samples."""
    d = problem.facts["inputs"]
    x, anchors = _with_one(problem.x), _with_one(problem.anchors)
    precision = np.full(d + 1, d * temperature(problem) ** 2 / 0.1)
    mode, hessian = posterior_mode(x, problem.y, precision)
    if not sampled:
        return sigmoid(anchors @ mode)[:, None]
    return sigmoid(anchors @ laplace_samples(mode, hessian, FUNCTIONS, rng).T)


def network_process(problem: Problem, rng: Rng, *, sampled: bool = True) -> np.ndarray:
    """The Gaussian process that the network prior converges to: samples of its Laplace posterior, or their mean."""
    return _of_posterior(classify(network_kernel(temperature(problem)), problem.x, problem.y, problem.anchors), rng, sampled)


def smooth_process(problem: Problem, rng: Rng, *, sampled: bool = True) -> np.ndarray:
    """A Gaussian process with a squared exponential kernel of length √(2·inputs), otherwise like `network_process`."""
    kernel = squared_exponential(0.5 / temperature(problem), math.sqrt(2 * problem.facts["inputs"]))
    return _of_posterior(classify(kernel, problem.x, problem.y, problem.anchors), rng, sampled)


def _of_posterior(posterior: LatentPosterior, rng: Rng, sampled: bool) -> np.ndarray:
    return posterior.sample(FUNCTIONS, rng) if sampled else posterior.average()


def _log_likelihood(p: np.ndarray, y: np.ndarray) -> float:
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return float(np.log(np.where(y == 1, p, 1 - p)).sum())


def _with_one(x: np.ndarray) -> np.ndarray:
    return np.column_stack([x.astype(np.float64), np.ones(len(x))])


FITTED = {
    "logistic regression": logistic_regression,
    "logistic regression, Laplace samples": partial(logistic_regression, sampled=True),
    "Gaussian process, squared exponential kernel, Laplace samples": smooth_process,
    "Gaussian process, network kernel, mean": partial(network_process, sampled=False),
    "Gaussian process, network kernel, Laplace samples": network_process,
}
"""Methods by name that fit a model to the labels, cheap enough for every preparation."""

REFERENCES = {
    "constant 0.5": constant,
    "samples of the prior, data ignored": prior_samples,
    "prior samples resampled by their likelihood, 300 draws": weighted_prior_samples,
    "3 nearest neighbours": partial(neighbours, k=3),
    "20 nearest neighbours": partial(neighbours, k=20),
    **FITTED,
}
"""The cheap reference methods by name, for problems whose functions are random networks."""
