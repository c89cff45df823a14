"""A linear hypermodel: all weights of a network are a linear function of the index, w(z) = w0 + Σ_i z_i·w_i.

Dwaracherla et al., "Hypermodels for Exploration" (2020). A prior function is added as in an epinet. z ~ N(0, I_d).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mlebench.research.trained_networks import Adam, Parameters, backward, error_signal, forward, initial_parameters

INDEX = 6
"""Dimensions of the index."""
_INDEX_SAMPLES = 16


@dataclass(frozen=True)
class Hypermodel:
    """`linear` holds for each array of the network 1 + INDEX of its kind: w0, w1, …"""

    linear: Parameters
    prior: Parameters
    prior_scale: float

    def draw_index(self, rng: np.random.Generator) -> np.ndarray:
        """A normal vector."""
        return rng.standard_normal(INDEX)

    def logits(self, x: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Logits of the network that the index stands for."""
        x = x.astype(np.float32)[None]
        weights = network_weights(self.linear, index[None])
        return forward(weights, x)[-1][0, :, 0] + self.prior_scale * forward(self.prior, x)[-1][:, :, 0].T @ index


def network_weights(linear: Parameters, indices: np.ndarray) -> Parameters:
    """The weights for each index, with the indices as members."""
    factors = _with_one(indices)
    return [np.tensordot(factors, arrays, axes=1) for arrays in linear]


def _with_one(indices: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(indices)), indices]).astype(np.float32)


def train_hypermodel(
    x: np.ndarray, y: np.ndarray, rng: np.random.Generator, *, temperature: float, penalty: float, steps: int = 1000,
    batch: int = 100,
) -> Hypermodel:  # fmt: skip
    """Train the linear map.

    Args:
        x: inputs, shape (n, inputs).
        y: labels 0 and 1, shape (n,).
        temperature: of the problem; the prior functions are scaled by 1 / √temperature.
        penalty: factor of Σ w² of the linear map on average loss.
    """
    x = x.astype(np.float32)
    linear = initial_parameters(rng, 1 + INDEX, (x.shape[1], 50, 50, 1))
    for arrays in linear:
        arrays[1:] /= math.sqrt(INDEX)
    prior = initial_parameters(rng, INDEX, (x.shape[1], 10, 1), first_bias=True)
    prior_scale = math.sqrt(2) / math.sqrt(temperature)
    fixed = prior_scale * forward(prior, x[None])[-1][:, :, 0].T
    optimiser = Adam(linear)
    for _ in range(steps):
        rows = rng.integers(len(x), size=batch) if len(x) > batch else np.arange(len(x))
        indices = rng.standard_normal((_INDEX_SAMPLES, INDEX)).astype(np.float32)
        weights = network_weights(linear, indices)
        layers = forward(weights, x[None, rows])
        logits = layers[-1][:, :, 0] + indices @ fixed[rows].T
        signal = (error_signal(logits, y[rows]) / logits.size).astype(np.float32)
        of_networks = backward(weights, layers, signal[:, :, None])
        # w(z) is linear in the index, and so is the gradient
        gradients = [np.tensordot(_with_one(indices).T, gradient, axes=1) for gradient in of_networks]
        optimiser.step([gradient + 2 * penalty * array for gradient, array in zip(gradients, linear, strict=True)])
    return Hypermodel(linear, prior, prior_scale)
