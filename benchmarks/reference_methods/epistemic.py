"""The interface of epistemic neural networks.

A network f(x, z) has, next to the input, an index z with a fixed distribution. One draw of z, kept over many inputs, is one
sampled function, so joint predictions come for free. Ensembles (z = the member), dropout (z = the mask) and epinets (z = a
normal vector) are all of this kind. Osband et al., "Epistemic Neural Networks" (2021).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from mlebench.research.networks import sigmoid

Index = np.ndarray


class EpistemicNetwork(Protocol):
    """A trained network with an index."""

    def draw_index(self, rng: np.random.Generator) -> Index:
        """One index from the reference distribution."""

    def logits(self, x: np.ndarray, index: Index) -> np.ndarray:
        """Logit of P(y = 1), shape (n,), of the function that the index stands for."""


def sample_functions(network: EpistemicNetwork, x: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """P(y = 1) under `count` sampled functions, shape (n, count): each column keeps one index over all inputs."""
    columns = [network.logits(x, network.draw_index(rng)) for _ in range(count)]
    return sigmoid(np.column_stack(columns))
