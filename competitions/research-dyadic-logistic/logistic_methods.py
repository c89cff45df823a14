"""Methods for binary problems, based on logistic regression with a known prior."""

from __future__ import annotations

import math

import numpy as np

from grading.function_samples import FUNCTIONS
from mlebench.research.binary_problems import Problem
from mlebench.research.logistic import laplace_samples, metropolis_samples, posterior_mode
from mlebench.research.networks import sigmoid

Rng = np.random.Generator


def prior_samples(problem: Problem, rng: Rng) -> np.ndarray:
    """Draws from the prior, ignoring the data."""
    d = problem.facts["inputs"]
    return sigmoid(problem.anchors @ rng.normal(0, problem.facts["scale"] / math.sqrt(d), (d, FUNCTIONS)))


def mode(problem: Problem, rng: Rng, *, prior: float = 1.0) -> np.ndarray:
    """The most probable coefficients under `prior` times the true prior precision."""
    coefficients, _ = posterior_mode(problem.x, problem.y, prior * precision(problem))
    return sigmoid(problem.anchors @ coefficients)[:, None]


def laplace(problem: Problem, rng: Rng, *, diagonal: bool = False) -> np.ndarray:
    """Draws from the normal approximation around the mode."""
    centre, hessian = posterior_mode(problem.x, problem.y, precision(problem))
    hessian = np.diag(np.diag(hessian)) if diagonal else hessian
    return sigmoid(problem.anchors @ laplace_samples(centre, hessian, FUNCTIONS, rng).T)


def ensemble(problem: Problem, rng: Rng, *, members: int = 25, priors: bool = True, bootstrap: bool = True) -> np.ndarray:
    """Modes around random prior centres, of exponentially weighted examples, or both; members repeat up to 100 columns."""
    tau = precision(problem)
    coefficients = []
    for _ in range(members):
        centre = rng.standard_normal(len(tau)) / np.sqrt(tau) if priors else None
        weights = rng.exponential(size=len(problem.x)) if bootstrap else None
        coefficients.append(posterior_mode(problem.x, problem.y, tau, centre, weights)[0])
    return np.repeat(sigmoid(problem.anchors @ np.array(coefficients).T), FUNCTIONS // members, axis=1)


def metropolis(problem: Problem, rng: Rng, *, steps: int) -> np.ndarray:
    """100 chains of random-walk Metropolis that start from the normal approximation."""
    chains = metropolis_samples(problem.x, problem.y, precision(problem), FUNCTIONS, rng, steps)
    return sigmoid(problem.anchors @ chains.T)


def precision(problem: Problem) -> np.ndarray:
    """Prior precision of each coefficient."""
    d = problem.facts["inputs"]
    return np.full(d, d / problem.facts["scale"] ** 2)
