"""Ensembles: plain, with prior functions, with bootstrapped weights, or with dropout as the index.

Osband, Aslanides & Cassirer, "Randomized Prior Functions for Deep Reinforcement Learning" (2018); Srivastava et al., "Dropout"
(2014); Gal & Ghahramani, "Dropout as a Bayesian Approximation" (2016). A member is g(x) + s·p(x): g is trained, p is a random
network that is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlebench.research.trained_networks import Adam, ErrorSignal, Parameters, backward, error_signal, forward, initial_parameters

Bootstrap = Literal["none", "bernoulli", "exponential"]


@dataclass(frozen=True)
class Ensemble:
    """Trained members; the index is the number of a member."""

    trained: Parameters
    prior: Parameters | None
    prior_scale: float

    @property
    def members(self) -> int:
        """How many."""
        return len(self.trained[0])

    def draw_index(self, rng: np.random.Generator) -> np.ndarray:
        """A member."""
        return rng.integers(self.members, size=1)

    def logits(self, x: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Logits of one member."""
        return self.all_logits(x)[int(index[0])]

    def all_logits(self, x: np.ndarray) -> np.ndarray:
        """Logits of every member, shape (members, n)."""
        output = forward(self.trained, x[None].astype(np.float32))[-1][:, :, 0]
        return output if self.prior is None else output + self.prior_scale * prior_output(self.prior, x)


def prior_output(prior: Parameters, x: np.ndarray) -> np.ndarray:
    """Outputs of the fixed networks, shape (members, n)."""
    return forward(prior, x[None].astype(np.float32))[-1][:, :, 0]


def train_ensemble(
    x: np.ndarray,
    y: np.ndarray,
    rng: np.random.Generator,
    *,
    members: int,
    penalty: float,
    prior_scale: float = 0.0,
    bootstrap: Bootstrap = "none",
    hidden: tuple[int, ...] = (50, 50),
    steps: int = 1000,
    batch: int = 100,
    signal_of: ErrorSignal = error_signal,
) -> Ensemble:
    """Train all members side by side.

    Args:
        x: inputs, shape (n, inputs).
        y: labels, shape (n,), or (members, n) where members have labels of their own.
        penalty: factor of Σ w² of each member in its mean loss.
        prior_scale: factor of the prior functions; 0 for none.
        bootstrap: the law of the weight of each (member, example): none, 2·Bernoulli(½) or Exponential(1).
        steps: Adam steps of `batch` examples.
        signal_of: of the loss; the default is for labels 0 and 1.
    """
    x = x.astype(np.float32)
    sizes = (x.shape[1], *hidden, 1)
    trained = initial_parameters(rng, members, sizes, first_bias=prior_scale > 0)
    # the difference of two independent logits has √2 times the spread of one
    prior = initial_parameters(rng, members, sizes, first_bias=True) if prior_scale else None
    shift = math.sqrt(2) * prior_scale * prior_output(prior, x) if prior else np.zeros((members, len(x)), np.float32)
    weights = _weights(rng, bootstrap, members, len(x))
    optimiser = Adam(trained)
    for _ in range(steps):
        rows = rng.integers(len(x), size=batch) if len(x) > batch else np.arange(len(x))
        layers = forward(trained, x[None, rows])
        signal = weights[:, rows] * signal_of(layers[-1][:, :, 0] + shift[:, rows], y[..., rows]) / len(rows)
        gradients = backward(trained, layers, signal[:, :, None].astype(np.float32))
        optimiser.step([gradient + 2 * penalty * array for gradient, array in zip(gradients, trained, strict=True)])
    return Ensemble(trained, prior, math.sqrt(2) * prior_scale)


def _weights(rng: np.random.Generator, bootstrap: Bootstrap, members: int, examples: int) -> np.ndarray:
    if bootstrap == "bernoulli":
        return 2.0 * rng.integers(2, size=(members, examples))
    if bootstrap == "exponential":
        return rng.exponential(size=(members, examples))
    return np.ones((members, examples))


@dataclass(frozen=True)
class DropoutNetwork:
    """One network whose hidden units are left out at random; the index is the mask."""

    trained: Parameters
    rate: float

    def draw_index(self, rng: np.random.Generator) -> np.ndarray:
        """Factors of all hidden units."""
        units = sum(array.shape[2] for array in self.trained[:-2:2])
        return (rng.random(units) >= self.rate) / (1 - self.rate)

    def logits(self, x: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Logits under that mask."""
        widths = np.cumsum([array.shape[2] for array in self.trained[:-2:2]])[:-1]
        masks = [mask.astype(np.float32)[None, None] for mask in np.split(index, widths)]
        return forward(self.trained, x[None].astype(np.float32), masks)[-1][0, :, 0]


def train_dropout(
    x: np.ndarray, y: np.ndarray, rng: np.random.Generator, *, penalty: float, rate: float = 0.1,
    hidden: tuple[int, ...] = (100, 100), steps: int = 1000, batch: int = 100,
) -> DropoutNetwork:  # fmt: skip
    """Train with a fresh mask for every example and step."""
    x = x.astype(np.float32)
    trained = initial_parameters(rng, 1, (x.shape[1], *hidden, 1))
    optimiser = Adam(trained)
    for _ in range(steps):
        rows = rng.integers(len(x), size=batch) if len(x) > batch else np.arange(len(x))
        masks = [((rng.random((1, len(rows), width)) >= rate) / (1 - rate)).astype(np.float32) for width in hidden]
        layers = forward(trained, x[None, rows], masks)
        signal = error_signal(layers[-1][:, :, 0], y[rows]) / len(rows)
        gradients = backward(trained, layers, signal[:, :, None].astype(np.float32), masks)
        optimiser.step([gradient + 2 * penalty * array for gradient, array in zip(gradients, trained, strict=True)])
    return DropoutNetwork(trained, rate)
