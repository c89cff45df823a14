"""Methods that turn a bandit's features and log into a belief."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from mlebench.research.gaussian_process import Kernel, network_kernel, squared_exponential
from mlebench.research.trained_networks import forward, initial_parameters

from .beliefs import ARMS, CELLS, CONTEXTS, LOADINGS, STAGES, belief_table
from .rewards import FEATURES, SCALE, cell_inputs

Rng = np.random.Generator
DECLINING = (1.5, 1.0, 0.5, 0.25)
"""Widths by stage, smaller later, because what is learned late pays off for only a few steps."""


@dataclass(frozen=True)
class Bandit:
    """The public part of one bandit."""

    name: str
    noise: float
    inputs: np.ndarray
    """Features of context and arm, shape (cells, 2 · FEATURES)."""
    played: np.ndarray
    """Logged cells, shape (plays,)."""
    rewards: np.ndarray

    @property
    def row_ids(self) -> list[str]:
        """One per cell."""
        return [f"{self.name}-{context}-{arm:02d}" for context in range(CONTEXTS) for arm in range(ARMS)]


class Normal(NamedTuple):
    """A joint normal distribution over the expected rewards of all cells."""

    mean: np.ndarray
    covariance: np.ndarray

    def given(self, played: np.ndarray, rewards: np.ndarray, noise: float) -> Normal:
        """The belief conditioned on logged rewards."""
        within = self.covariance[np.ix_(played, played)] + noise**2 * np.eye(len(played))
        gain = np.linalg.solve(within, self.covariance[played]).T
        return Normal(self.mean + gain @ (rewards - self.mean[played]), self.covariance - gain @ self.covariance[played])

    def marginals(self) -> Normal:
        """The belief with the same means and variances but independent cells."""
        return Normal(self.mean, np.diag(np.diag(self.covariance)))


Model = Callable[[Bandit, Rng], Normal]


def read_bandits(public: Path) -> Iterator[Bandit]:
    """Read the public bandits."""
    log = dict(list(pd.read_csv(public / "log.csv").groupby("problem")))
    with np.load(public / "features.npz") as features:
        for facts in pd.read_csv(public / "problems.csv").itertuples():
            name = str(facts.problem)
            inputs = cell_inputs(features[f"contexts_{name}"], features[f"arms_{name}"]).astype(np.float64)
            plays = log[name]
            played = (plays["context"] * ARMS + plays["arm"]).to_numpy()
            yield Bandit(name, float(facts.noise), inputs, played, plays["reward"].to_numpy(np.float64))  # type: ignore[arg-type]


def submitted(bandits: list[Bandit], model: Model, widths: tuple[float, ...], rng: Rng) -> pd.DataFrame:
    """A model's belief on every bandit, played with the given widths by stage."""
    tables = []
    for bandit in bandits:
        law = model(bandit, rng)
        own, loadings = factorised(law.covariance)
        tables.append(belief_table(bandit.row_ids, law.mean, own, loadings, widths))
    return pd.concat(tables, ignore_index=True)


def factorised(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Own deviations and loadings that approximate a covariance: its principal axes, and the variance that they leave."""
    values, vectors = np.linalg.eigh(covariance)
    if np.allclose(covariance, np.diag(np.diag(covariance))):
        return np.sqrt(np.maximum(np.diag(covariance), 0)), np.zeros((len(covariance), 1))
    loadings = (vectors * np.sqrt(np.maximum(values, 0)))[:, ::-1][:, :LOADINGS]
    left = np.diag(covariance) - (loadings**2).sum(axis=1)
    return np.sqrt(np.maximum(left, 0)), loadings


def certain(model: Model) -> Model:
    """Only the means of a model: a belief that never changes."""

    def of_bandit(bandit: Bandit, rng: Rng) -> Normal:
        return Normal(model(bandit, rng).mean, np.zeros((CELLS, CELLS)))

    return of_bandit


def marginal(model: Model) -> Model:
    """A model with all cells independent."""
    return lambda bandit, rng: model(bandit, rng).marginals()


def from_kernel(kernel: Kernel, relevances: np.ndarray | None = None, *, use_log: bool = True) -> Model:
    """A Gaussian process on the features, each multiplied by its relevance."""

    def of_bandit(bandit: Bandit, rng: Rng) -> Normal:
        inputs = bandit.inputs if relevances is None else bandit.inputs * relevances
        prior = Normal(np.zeros(CELLS), kernel(inputs, inputs))
        return prior.given(bandit.played, bandit.rewards, bandit.noise) if use_log else prior

    return of_bandit


def independent(bandit: Bandit, rng: Rng) -> Normal:
    """Every cell standard normal and independent, conditioned on the log."""
    return Normal(np.zeros(CELLS), np.eye(CELLS)).given(bandit.played, bandit.rewards, bandit.noise)


def linear(bandit: Bandit, rng: Rng) -> Normal:
    """Bayesian linear regression on the features."""
    return _of_features(bandit.inputs / math.sqrt(2 * FEATURES), bandit)


def bilinear(bandit: Bandit, rng: Rng) -> Normal:
    """Bayesian linear regression on the features and on all products of a context's with an arm's."""
    left, right = bandit.inputs[:, :FEATURES], bandit.inputs[:, FEATURES:]
    products = (left[:, :, None] * right[:, None, :]).reshape(CELLS, -1)
    every = np.concatenate([bandit.inputs / math.sqrt(2 * FEATURES), products / FEATURES], axis=1)
    return _of_features(every / math.sqrt(2), bandit)


def _of_features(features: np.ndarray, bandit: Bandit) -> Normal:
    features = np.column_stack([features, np.ones(CELLS)])
    return Normal(np.zeros(CELLS), features @ features.T).given(bandit.played, bandit.rewards, bandit.noise)


def fitted_relevances(bandits: list[Bandit], kernel: Kernel, sweeps: int = 6) -> np.ndarray:
    """One relevance per feature, the same in all bandits, that maximises the likelihood of the logs.

    A coordinate search on a fixed grid of factors.
    """
    relevances = np.ones(2 * FEATURES)
    best = log_evidence(bandits, kernel, relevances)
    for sweep in range(sweeps):
        factor = 2 ** (2 ** -(sweep // 2))
        for feature in range(len(relevances)):
            for change in (factor, 1 / factor):
                tried = relevances.copy()
                tried[feature] *= change
                if (reached := log_evidence(bandits, kernel, tried)) > best:
                    relevances, best = tried, reached
    return relevances


def log_evidence(bandits: list[Bandit], kernel: Kernel, relevances: np.ndarray) -> float:
    """Log density of all logged rewards under a Gaussian process, less a constant."""
    total = 0.0
    for bandit in bandits:
        at = bandit.inputs[bandit.played] * relevances
        factor = np.linalg.cholesky(kernel(at, at) + bandit.noise**2 * np.eye(len(at)))
        total -= 0.5 * float((np.linalg.solve(factor, bandit.rewards) ** 2).sum()) + float(np.log(np.diag(factor)).sum())
    return total


def of_members(predicted: np.ndarray) -> Normal:
    """Mean and covariance of ensemble predictions of shape (members, cells)."""
    apart = predicted - predicted.mean(axis=0)
    return Normal(predicted.mean(axis=0), apart.T @ apart / (len(predicted) - 1))


def random_feature_ensemble(*, members: int = LOADINGS, priors: bool, width: int = 50) -> Model:
    """An ensemble of networks of which only the last layer is fitted, by ridge regression on the log.

    With `priors`, a member fits the noisy residual of the rewards after a random function of its own, and predicts the sum of
    both: where nothing was logged, the members stay diverse. Osband et al., "Randomized Prior Functions for Deep
    Reinforcement Learning" (2018).
    """

    def of_bandit(bandit: Bandit, rng: Rng) -> Normal:
        hidden = forward(initial_parameters(rng, members, (2 * FEATURES, width, width), first_bias=True), bandit.inputs[None])
        features = np.maximum(hidden[-1].astype(np.float64), 0)
        scale = SCALE * math.sqrt(2 / width)
        predicted = np.empty((members, CELLS))
        for member, phi in enumerate(features):
            at, noise = phi[bandit.played] * scale, bandit.noise
            prior = rng.standard_normal(width) * scale if priors else np.zeros(width)
            perturbed = bandit.rewards + (noise * rng.standard_normal(len(at)) if priors else 0)
            rest = perturbed - phi[bandit.played] @ prior
            within = at @ at.T + noise**2 * np.eye(len(at))
            predicted[member] = phi @ prior + scale * phi @ (at.T @ np.linalg.solve(within, rest))
        return of_members(predicted)

    return of_bandit


NETWORK = network_kernel(1 / SCALE)
SMOOTH = squared_exponential(1.0, math.sqrt(2 * FEATURES))
GREEDY = (0.0,) * STAGES
