"""An epinet: a small network next to a conventional one, which turns an index into variation of the function.

f(x, z) = μ(x) + σ(φ(x), z), where μ is the base network and φ(x) its last hidden layer and the input, taken as constants. σ is a
trained part plus a fixed random one, each a network on (φ, z) whose d outputs are multiplied by z; fixed random networks of the
input, weighted by z, are a prior function on top. z ~ N(0, I_d). Osband et al., "Epistemic Neural Networks" (2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mlebench.research.trained_networks import Adam, ErrorSignal, Parameters, backward, error_signal, forward, initial_parameters

INDEX = 8
"""Dimensions of the index."""
_BASE = (50, 50)
_EPINET = (15, 15)
_PRIOR = (5, 5)
_INDEX_SAMPLES = 8


@dataclass(frozen=True)
class Epinet:
    """Trained base network and epinet, fixed prior networks."""

    base: Parameters
    learnt: Parameters
    prior: Parameters
    prior_scale: float

    def draw_index(self, rng: np.random.Generator) -> np.ndarray:
        """A normal vector."""
        return rng.standard_normal(INDEX)

    def logits(self, x: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Logits of the function that the index stands for."""
        layers = forward(self.base, x[None].astype(np.float32))
        index = index.astype(np.float32)
        features = _with_index(_features(layers), index[None])
        variation = (forward(self.learnt, features)[-1] @ index)[0]
        return layers[-1][0, :, 0] + variation + self.prior_scale * prior_functions(self.prior, x) @ index


def prior_functions(prior: Parameters, x: np.ndarray) -> np.ndarray:
    """One fixed random network per dimension of the index, shape (n, INDEX)."""
    return forward(prior, x[None].astype(np.float32))[-1][:, :, 0].T


def _features(layers: list[np.ndarray]) -> np.ndarray:
    """Input and last hidden layer of the base network, shape (batch, features)."""
    return np.concatenate([layers[0][0], layers[-2][0]], axis=1)


def _with_index(features: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Features next to each index, shape (indices, batch, features + INDEX)."""
    shape = (len(indices), len(features))
    return np.concatenate(
        [np.broadcast_to(features, (*shape, features.shape[1])), np.broadcast_to(indices[:, None], (*shape, INDEX))], axis=2
    )


def train_epinet(
    x: np.ndarray, y: np.ndarray, rng: np.random.Generator, *, temperature: float, steps: int = 1000, batch: int = 100,
    penalty: float | None = None, noise: float = 0.0, signal_of: ErrorSignal = error_signal,
) -> Epinet:  # fmt: skip
    """Train base and epinet together.

    Args:
        x: inputs, shape (n, inputs).
        y: labels, shape (n,).
        temperature: of the problem; the prior functions are scaled by its inverse.
        penalty: factor of Σ w² in the mean loss; by default one for inputs without structure, by their number and the examples'.
        noise: standard deviation of what an index adds to each label.
        signal_of: of the loss; the default is for labels 0 and 1.
    """
    x, inputs = x.astype(np.float32), x.shape[1]
    base = initial_parameters(rng, 1, (inputs, *_BASE, 1))
    learnt = initial_parameters(rng, 1, (inputs + _BASE[-1] + INDEX, *_EPINET, INDEX))
    prior = initial_parameters(rng, INDEX, (inputs, *_PRIOR, 1), first_bias=True)
    prior_scale = math.sqrt(2) * 0.3 / temperature
    fixed = prior_scale * prior_functions(prior, x)
    penalty = 0.2 * (inputs / len(x)) ** 0.7 if penalty is None else penalty
    # one direction of the index for each example
    towards = rng.standard_normal((len(x), INDEX)) if noise else np.zeros((len(x), INDEX))
    towards *= noise / np.maximum(np.linalg.norm(towards, axis=1, keepdims=True), 1e-12)
    optimiser = Adam([*base, *learnt])
    for _ in range(steps):
        rows = rng.integers(len(x), size=batch) if len(x) > batch else np.arange(len(x))
        indices = rng.standard_normal((_INDEX_SAMPLES, INDEX)).astype(np.float32)
        layers = forward(base, x[None, rows])
        epinet_layers = forward(learnt, _with_index(_features(layers), indices))
        variation = np.einsum("sbi,si->sb", epinet_layers[-1], indices)
        logits = layers[-1][0, :, 0] + variation + indices @ fixed[rows].T
        labels = y[rows] + indices @ towards[rows].T if noise else y[rows]
        signal = (signal_of(logits, labels) / logits.size).astype(np.float32)
        base_gradients = backward(base, layers, signal.sum(axis=0)[None, :, None])
        # one epinet serves all indices: their gradients add up
        of_indices = backward(learnt, epinet_layers, signal[:, :, None] * indices[:, None, :])
        learnt_gradients = [gradient.sum(axis=0, keepdims=True) for gradient in of_indices]
        gradients = [*base_gradients, *learnt_gradients]
        optimiser.step([gradient + 2 * penalty * array for gradient, array in zip(gradients, optimiser.parameters, strict=True)])
    return Epinet(base, learnt, prior, prior_scale)
