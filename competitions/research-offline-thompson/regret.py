"""Decisions under uncertainty: the regret of Thompson sampling with sampled functions."""

from __future__ import annotations

import numpy as np

_CLIP = 0.02
"""Likelihoods of a reward are clipped to [_CLIP, 1 − _CLIP], so that no function is ruled out by one reward."""


def thompson_regret(
    truth: np.ndarray, samples: np.ndarray, rng: np.random.Generator, *, steps: int = 300, replays: int = 32
) -> float:
    """Total regret of Thompson sampling over a fixed set of functions, averaged over replays.

    At every step one function is drawn by its weight, its best arm is played (ties are broken at random), and each weight is
    multiplied by the likelihood of the reward under its function. Weights start equal. The regret of a step is the best arm's
    probability of a reward minus the expected probability of what the function would play. Thompson (1933); Osband et al.,
    "Approximate Thompson Sampling via Epistemic Neural Networks" (2023) for functions sampled from a network.

    Args:
        truth: reward probability of each arm, shape (arms,).
        samples: the same under K functions, shape (arms, K).
        rng: draws functions and rewards; the same state gives the same result.
        steps: plays in a replay.
        replays: number of independent replays.

    Returns:
        0 or more; steps · (best − mean probability) for functions that prefer no arm.
    """
    functions = samples.shape[1]
    is_best = samples == samples.max(axis=0)
    lost = truth.max() - (truth[:, None] * is_best).sum(axis=0) / is_best.sum(axis=0)
    ranked = np.argsort(~is_best, axis=0, kind="stable")
    ties = is_best.sum(axis=0)
    likelihood = np.clip(samples, _CLIP, 1 - _CLIP)
    # by reward (0 or 1), arm and function
    likelihoods = np.stack([1 - likelihood, likelihood])
    weights = np.full((replays, functions), 1 / functions)
    total = 0.0
    for for_function, for_tie, for_reward in rng.random((steps, 3, replays)):
        cumulative = weights.cumsum(axis=1)
        beyond = np.count_nonzero(cumulative < for_function[:, None] * cumulative[:, -1:], axis=1)
        drawn = np.minimum(beyond, functions - 1)
        total += float(lost[drawn].sum())
        arm = ranked[(for_tie * ties[drawn]).astype(int), drawn]
        weights *= likelihoods[(for_reward < truth[arm]).astype(np.intp), arm]
        weights /= weights.sum(axis=1, keepdims=True)
    return total / replays


def uniform_regret(truth: np.ndarray, *, steps: int = 300) -> float:
    """Expected total regret of playing arms at random.

    Args:
        truth: reward probability of each arm, shape (arms,).
        steps: plays.

    Returns:
        steps · (best − mean probability), 0 or more; 0 if all arms are equal.
    """
    return steps * float(truth.max() - truth.mean())
