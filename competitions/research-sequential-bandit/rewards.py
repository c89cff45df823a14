"""Expected rewards: a random network of the features of a context and an arm, few of which are relevant."""

from __future__ import annotations

import numpy as np

from mlebench.research.networks import RandomNetwork

FEATURES = 4
"""Features of a context, and of an arm."""
SCALE = 3.0
"""Scale of the network's outputs, which gives a bandit's rewards a standard deviation of about 1."""


def cell_inputs(contexts: np.ndarray, arms: np.ndarray) -> np.ndarray:
    """The features of each context beside those of each arm, ordered by context, shape (cells, 2 · FEATURES)."""
    return np.concatenate([np.repeat(contexts, len(arms), axis=0), np.tile(arms, (len(contexts), 1))], axis=1)


def expected_rewards(network: RandomNetwork, inputs: np.ndarray, relevances: np.ndarray) -> np.ndarray:
    """Expected reward of each cell: the scaled difference of the network's two outputs at the features times their relevances."""
    outputs = network.outputs(inputs * relevances)
    return np.asarray(SCALE * (outputs[:, 1] - outputs[:, 0]))
