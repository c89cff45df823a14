"""Trained networks for `research-deep-sea`: which action moves right in the states that a log does not show."""

from __future__ import annotations

from functools import partial
from typing import Protocol

import numpy as np

from benchmarks.reference_methods.ensembles import train_ensemble
from mlebench.research.networks import sigmoid


class LoggedSea(Protocol):
    """The public part of one sea."""

    @property
    def features(self) -> np.ndarray:
        """One row per state."""

    @property
    def known(self) -> np.ndarray:
        """The action that moves right if the log shows it, else -1."""


def network_chances(sea: LoggedSea, rng: np.random.Generator, *, members: int, prior_scale: float = 0.0) -> np.ndarray:
    """Probability that action 1 moves right, averaged over an ensemble; 0 or 1 where the log shows it."""
    shown = sea.known >= 0
    penalty = 0.1 / int(shown.sum())
    trained = train_ensemble(
        sea.features[shown], sea.known[shown], rng, members=members, penalty=penalty, prior_scale=prior_scale, steps=400
    )
    return np.where(shown, sea.known, sigmoid(trained.all_logits(sea.features)).mean(axis=0))


METHODS = {
    "a network 50-50": partial(network_chances, members=1),
    "an ensemble of 10 networks": partial(network_chances, members=10),
    "an ensemble of 10 networks with prior functions": partial(network_chances, members=10, prior_scale=10.0),
}
"""By name, which ends a row of the leaderboard."""
