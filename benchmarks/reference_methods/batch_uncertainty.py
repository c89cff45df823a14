"""Uncertainty of networks trained on a few labelled items: an epinet, and an ensemble with prior functions.

Both are written for one binary label, so each class among the seeds has its own one-against-all network.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.reference_methods.ensembles import train_ensemble
from benchmarks.reference_methods.epinet import train_epinet
from mlebench.research import networks
from mlebench.research.batch_selection import PoolTask, Selector, by_score, spread_out

Rng = np.random.Generator
_SAMPLES = 20
_STEPS = 300


def epinet_samples(x: np.ndarray, seeds: np.ndarray, y: np.ndarray, rng: Rng) -> np.ndarray:
    """P(y = 1) under sampled functions, shape (samples, n)."""
    trained = train_epinet(x[seeds], y, rng, temperature=0.3, penalty=1e-3, steps=_STEPS)
    return networks.sigmoid(np.stack([trained.logits(x, trained.draw_index(rng)) for _ in range(_SAMPLES)]))


def ensemble_samples(x: np.ndarray, seeds: np.ndarray, y: np.ndarray, rng: Rng) -> np.ndarray:
    """The same for the members of an ensemble."""
    trained = train_ensemble(x[seeds], y, rng, members=_SAMPLES, penalty=1e-3, prior_scale=3.0, steps=_STEPS)
    return networks.sigmoid(trained.all_logits(x))


def class_variance(
    sampled: Callable[[np.ndarray, np.ndarray, np.ndarray, Rng], np.ndarray],
) -> Callable[[PoolTask, Rng], np.ndarray]:
    """The variance of P(class) over sampled functions, summed over the classes that the seeds show."""

    def score(task: PoolTask, rng: Rng) -> np.ndarray:
        # the networks' initial weights assume inputs of variance 1
        x = task.features / np.sqrt((task.features**2).mean())
        shown = [
            sampled(x, task.seeds, (task.seed_labels == label).astype(np.int8), rng) for label in np.unique(task.seed_labels)
        ]
        return np.asarray(np.stack(shown).var(axis=1).sum(axis=0))

    return score


SELECTORS: dict[str, Selector] = {
    "variance of an epinet": by_score(class_variance(epinet_samples)),
    "variance of an epinet times distance from the batch": spread_out(class_variance(epinet_samples)),
    "variance of an ensemble of 20 networks with prior functions": by_score(class_variance(ensemble_samples)),
    "variance of an ensemble of 20 networks with prior functions, times distance from the batch": spread_out(
        class_variance(ensemble_samples)
    ),
}
