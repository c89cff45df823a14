"""Trained networks for `research-sequential-bandit`: an ensemble's spread over the expected rewards of all cells."""

from __future__ import annotations

import math
from functools import partial
from typing import Protocol

import numpy as np

from benchmarks.reference_methods.ensembles import prior_output
from mlebench.research.trained_networks import Adam, backward, forward, initial_parameters

SCALE = 3 * math.sqrt(2)
"""Scale of a network's output, as rewards are drawn: 3 times the difference of two outputs (its spread is √2 times one's)."""
HIDDEN = (50, 50)


class Bandit(Protocol):
    """The public part of one bandit."""

    @property
    def inputs(self) -> np.ndarray:
        """Features of each cell."""

    @property
    def played(self) -> np.ndarray:
        """Logged cells."""

    @property
    def rewards(self) -> np.ndarray:
        """Logged rewards."""

    @property
    def noise(self) -> float:
        """Standard deviation of a reward."""


def ensemble_rewards(
    bandit: Bandit, rng: np.random.Generator, *, members: int, priors: bool, steps: int = 400, rate: float = 3e-3
) -> np.ndarray:
    """Expected rewards of all cells by each member, shape (members, cells).

    Members minimise the squared error, in units of the noise, and the weights' squares in units of their prior deviations. With
    `priors`, each adds a random network that is not trained, and fits rewards with noise of its own.
    """
    sizes = (bandit.inputs.shape[1], *HIDDEN, 1)
    trained = initial_parameters(rng, members, sizes, first_bias=priors)
    fixed = initial_parameters(rng, members, sizes, first_bias=True)
    added = SCALE * prior_output(fixed, bandit.inputs) * priors
    plays, noise = len(bandit.played), bandit.noise
    targets = bandit.rewards + noise * rng.standard_normal((members, plays)) * priors - added[:, bandit.played]
    x = bandit.inputs[None, bandit.played].astype(np.float32)
    optimiser = Adam(trained, rate=rate)
    # an entry's prior precision: the fan-in of its layer
    precisions = [float(before) for before in sizes[:-1] for _ in range(2)]
    for _ in range(steps):
        layers = forward(trained, x)
        signal = SCALE * (SCALE * layers[-1][:, :, 0] - targets) / (noise**2 * plays)
        gradients = backward(trained, layers, signal[:, :, None].astype(np.float32))
        optimiser.step(
            [g + precision / plays * array for g, array, precision in zip(gradients, trained, precisions, strict=True)]
        )
    return np.asarray(added + SCALE * prior_output(trained, bandit.inputs), dtype=np.float64)


METHODS = {
    "ensemble of 30 trained networks": partial(ensemble_rewards, members=30, priors=False),
    "ensemble of 30 trained networks with prior functions": partial(ensemble_rewards, members=30, priors=True),
}
"""By name, which begins a row of the leaderboard."""
