"""Expected rewards: a random network of the features of a context and of an arm, of which few are relevant."""

from __future__ import annotations

import numpy as np

from mlebench.research.networks import RandomNetwork

FEATURES = 4
"""Of a context, and of an arm."""
SCALE = 3.0
"""Of the network's outputs, so that the rewards of a bandit spread by about 1."""


def cell_inputs(contexts: np.ndarray, arms: np.ndarray) -> np.ndarray:
    """The features of each context beside those of each arm, ordered by context, shape (cells, 2 · FEATURES)."""
    return np.concatenate([np.repeat(contexts, len(arms), axis=0), np.tile(arms, (len(contexts), 1))], axis=1)


def expected_rewards(network: RandomNetwork, inputs: np.ndarray, relevances: np.ndarray) -> np.ndarray:
    """Of each cell: the difference of the network's two outputs at the features times their relevances, scaled."""
    outputs = network.outputs(inputs * relevances)
    return np.asarray(SCALE * (outputs[:, 1] - outputs[:, 0]))
