"""Plays contextual bandits by an index: a joint normal belief is conditioned exactly on every reward."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .beliefs import CONTEXTS, STAGES, STEPS

REPLAYS = 8


class Belief(NamedTuple):
    """The submitted belief about one bandit; cells are ordered by context, then arm."""

    mean: np.ndarray
    own: np.ndarray
    loadings: np.ndarray
    widths: np.ndarray
    """Shape (cells, stages)."""

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of the rewards of all cells, shape (cells, cells)."""
        return np.asarray(self.loadings @ self.loadings.T + np.diag(self.own**2))


def index_regret(
    truth: np.ndarray, belief: Belief, noise: float, rng: np.random.Generator, *, steps: int = STEPS, replays: int = REPLAYS
) -> tuple[float, float]:
    """Total regret of index play, and that of uniform play in the same contexts, both averaged over replays.

    At every step a context is drawn, and the arm with the largest posterior mean plus width times posterior standard deviation
    is played (ties are broken at random). The belief about all cells is then conditioned on the reward, normal around the truth
    with a known deviation. This is the index of Auer, "Using confidence bounds for exploitation-exploration trade-offs" (2002),
    with a belief instead of counts.

    Args:
        truth: expected reward of each cell, shape (cells,).
        belief: the submitted one.
        noise: standard deviation of a reward.
        rng: draws contexts, ties and rewards; the same state gives the same result.

    Returns:
        Two sums over steps, 0 or more.
    """
    arms = len(truth) // CONTEXTS
    by_context = truth.reshape(CONTEXTS, arms)
    missed = by_context.max(axis=1, keepdims=True) - by_context
    contexts = rng.integers(CONTEXTS, size=(steps, replays))
    for_ties, errors = rng.random((steps, replays)), noise * rng.standard_normal((steps, replays))
    everyone = np.arange(replays)
    means = np.tile(belief.mean, (replays, 1))
    covariances = np.tile(belief.covariance, (replays, 1, 1))
    total = 0.0
    for step in range(steps):
        context = contexts[step]
        spread = np.sqrt(np.maximum(np.einsum("rii->ri", covariances), 0)).reshape(replays, CONTEXTS, arms)
        width = belief.widths[:, step * STAGES // steps].reshape(CONTEXTS, arms)
        index = means.reshape(spread.shape)[everyone, context] + width[context] * spread[everyone, context]
        is_best = index == index.max(axis=1, keepdims=True)
        ties = is_best.sum(axis=1)
        total += float((missed[context] * is_best).sum(axis=1) @ (1 / ties))
        arm = np.argsort(~is_best, axis=1, kind="stable")[everyone, (for_ties[step] * ties).astype(int)]
        cell = context * arms + arm
        reward = truth[cell] + errors[step]
        condition(means, covariances, cell, reward, noise)
    return total / replays, float(missed.mean(axis=1)[contexts].sum()) / replays


def condition(means: np.ndarray, covariances: np.ndarray, cell: np.ndarray, reward: np.ndarray, noise: float) -> None:
    """Condition each replay's belief on one reward, in place.

    Args:
        means: shape (replays, cells).
        covariances: shape (replays, cells, cells).
        cell: played in each replay, shape (replays,).
        reward: shape (replays,).
        noise: standard deviation of a reward.
    """
    everyone = np.arange(len(means))
    along = covariances[everyone, cell]
    variance = np.maximum(along[everyone, cell], 0) + noise**2
    means += along * ((reward - means[everyone, cell]) / variance)[:, None]
    covariances -= along[:, :, None] * (along / variance[:, None])[:, None, :]
