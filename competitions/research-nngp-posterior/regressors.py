"""Cheap regression methods: each returns values at the test inputs under sampled functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from itertools import product

import numpy as np
from scipy.spatial.distance import cdist

from grading.function_samples import FUNCTIONS
from mlebench.research.binary_problems import Method, Problem
from mlebench.research.gaussian_process import Kernel, squared_exponential

from .regression import Posterior, log_evidence, posterior
from .wide_networks import BIASES, DEPTHS, VARIANCES, WideNetworks

Rng = np.random.Generator

GUESS = WideNetworks(depth=2, variance=0.25, bias=1.0)
"""Constants in the middle of the ranges that the task states."""

ToKernel = Callable[[Problem], Kernel]
Answer = Callable[[Posterior, Rng], np.ndarray]


def constant(problem: Problem, rng: Rng) -> np.ndarray:
    """0 everywhere."""
    return np.zeros((len(problem.anchors), 1))


def nearest(problem: Problem, rng: Rng) -> np.ndarray:
    """The value observed nearest to each test input."""
    near = cdist(problem.anchors, problem.x).argmin(axis=1)
    return np.asarray(problem.y[near][:, None])


def prior_samples(problem: Problem, rng: Rng) -> np.ndarray:
    """Functions from the guessed prior, ignoring the observations."""
    covariance = GUESS.covariance(problem.anchors, problem.anchors)
    return Posterior(np.zeros(len(covariance)), covariance).sample(FUNCTIONS, rng)


def sampled(law: Posterior, rng: Rng) -> np.ndarray:
    """Samples from the joint distribution."""
    return law.sample(FUNCTIONS, rng)


def mean(law: Posterior, rng: Rng) -> np.ndarray:
    """The mean in every column."""
    return law.mean[:, None]


def independent(law: Posterior, rng: Rng) -> np.ndarray:
    """The correct marginal distribution at every input, with independent inputs."""
    spread = np.sqrt(np.maximum(np.diag(law.covariance), 0))
    return np.asarray(law.mean[:, None] + spread[:, None] * rng.standard_normal((len(spread), FUNCTIONS)))


def process(to_kernel: ToKernel, answer: Answer = sampled) -> Method:
    """A Gaussian process with a kernel chosen for each problem."""

    def method(problem: Problem, rng: Rng) -> np.ndarray:
        law = posterior(to_kernel(problem), problem.x, problem.y, problem.facts["noise"], problem.anchors)
        return answer(law, rng)

    return method


def linear(problem: Problem) -> Kernel:
    """Covariance of linear functions with an offset."""
    inputs = problem.facts["inputs"]
    return lambda a, b: (a.astype(np.float64) @ b.T + 1) / (4 * inputs)


def smooth(problem: Problem) -> Kernel:
    """A squared exponential kernel with a length that suits standard normal inputs."""
    return squared_exponential(0.5, math.sqrt(2 * problem.facts["inputs"]))


def rough(problem: Problem) -> Kernel:
    """A Matérn kernel of the same length."""
    return matern(0.5, math.sqrt(2 * problem.facts["inputs"]))


def matern(scale: float, length: float) -> Kernel:
    """The Matérn kernel of smoothness 3/2."""

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        a, b = a.astype(np.float64), b.astype(np.float64)
        squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
        away = np.sqrt(3 * np.maximum(squares, 0)) / length
        return np.asarray(scale**2 * (1 + away) * np.exp(-away))

    return kernel


def of_guess(problem: Problem, *, networks: WideNetworks = GUESS) -> Kernel:
    """The network kernel with given constants."""
    return networks.covariance


def of_scale_and_length(family: Callable[[float, float], Kernel], problem: Problem) -> Kernel:
    """The most probable scale and length of a family for one problem."""
    unit = math.sqrt(2 * problem.facts["inputs"])
    grid = [family(scale, unit * length) for scale, length in product((0.25, 0.5, 1.0, 2.0), (0.5, 1.0, 2.0, 4.0, 8.0))]
    return most_probable(grid, [problem])


def of_own_networks(problem: Problem) -> Kernel:
    """The most probable constants of the networks for one problem."""
    return most_probable([networks.covariance for networks in network_grid(3)], [problem])


def network_grid(steps: int) -> list[WideNetworks]:
    """All depths with variances and biases on a logarithmic grid."""
    variances, biases = (np.geomspace(*bounds, steps) for bounds in (VARIANCES, BIASES))
    return [WideNetworks(depth, float(v), float(b)) for depth, v, b in product(DEPTHS, variances, biases)]


def common_networks(problems: Iterable[Problem], *, steps: int = 5, most: int = 100) -> WideNetworks:
    """The most probable constants for all problems together, by the first observations of each."""
    problems, grid = list(problems), network_grid(steps)
    evidence = [sum(_evidence(networks.covariance, problem, most) for problem in problems) for networks in grid]
    return grid[int(np.argmax(evidence))]


def most_probable(kernels: list[Kernel], problems: list[Problem], *, most: int = 100) -> Kernel:
    """The kernel under which the first observations are most probable."""
    evidence = [sum(_evidence(kernel, problem, most) for problem in problems) for kernel in kernels]
    return kernels[int(np.argmax(evidence))]


def _evidence(kernel: Kernel, problem: Problem, most: int) -> float:
    return log_evidence(kernel, problem.x[:most], problem.y[:most], problem.facts["noise"])


def random_features(problem: Problem, rng: Rng, *, features: int = 300) -> np.ndarray:
    """Bayesian regression on one layer of random ReLU features."""
    inputs = problem.facts["inputs"]
    weights = rng.standard_normal((inputs, features)) / math.sqrt(inputs)
    offsets = rng.standard_normal(features) / math.sqrt(inputs)

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        of_a, of_b = (np.maximum(x @ weights + offsets, 0) for x in (a, b))
        return np.asarray(of_a @ of_b.T / (2 * features))

    return process(lambda _: kernel)(problem, rng)


METHODS: dict[str, Method] = {
    "constant 0": constant,
    "nearest observation": nearest,
    "prior samples, observations ignored": prior_samples,
    "Bayesian linear regression": process(linear),
    "random features, one layer of 300": random_features,
    "squared exponential kernel": process(smooth),
    "squared exponential kernel, scale and length by evidence": process(partial(of_scale_and_length, squared_exponential)),
    "Matern kernel": process(rough),
    "Matern kernel, scale and length by evidence": process(partial(of_scale_and_length, matern)),
    "network kernel, guessed constants": process(of_guess),
    "network kernel, guessed constants, one hidden layer": process(
        partial(of_guess, networks=WideNetworks(1, GUESS.variance, GUESS.bias))
    ),
    "network kernel, constants by evidence of each problem": process(of_own_networks),
}


def methods_of_all(problems: list[Problem]) -> dict[str, Method]:
    """Methods that learn the constants from all problems together."""
    networks = common_networks(problems)

    def kernel(problem: Problem) -> Kernel:
        return networks.covariance

    name = "network kernel, constants by evidence of all problems"
    return {
        name: process(kernel),
        f"{name}, independent marginals": process(kernel, independent),
        f"{name}, mean alone": process(kernel, mean),
    }
