"""Methods that describe neurons from a few words each; every method returns weights for all neurons at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.research.trained_networks import Adam

from .descriptions import GAIN, INPUTS, PARTS, SILENT, part_responses

Rng = np.random.Generator


@dataclass(frozen=True)
class Observations:
    """The public part: the vectors of the words, and the activations of each neuron on its examples."""

    table: np.ndarray
    """Vectors of all public words, shape (words, inputs)."""
    x: np.ndarray
    """Vectors of the examples, shape (neurons, examples, inputs)."""
    y: np.ndarray
    """Observed activations, shape (neurons, examples)."""

    @property
    def active(self) -> np.ndarray:
        """Which examples the neuron responds to."""
        return self.y > 0.5


Describer = Callable[[Observations, Rng], np.ndarray]
"""Returns descriptions of shape (neurons, 3, inputs + 1)."""


def read_observations(public: Path) -> Observations:
    """The public files as arrays."""
    with np.load(public / "words.npz") as arrays:
        place = {word: number for number, word in enumerate(arrays["words"])}
        table = arrays["vectors"].astype(np.float64)
    rows = pd.read_csv(public / "observations.csv")
    neurons = rows["neuron"].nunique()
    x = table[rows["word"].map(place).to_numpy()]
    return Observations(table, x.reshape(neurons, -1, INPUTS), rows["activation"].to_numpy().reshape(neurons, -1))


def in_one_part(weights: np.ndarray, offsets: np.ndarray | float) -> np.ndarray:
    """Descriptions that use only their first part.

    Args:
        weights: shape (neurons, inputs).
        offsets: shape (neurons,), or one for all.
    """
    found = np.zeros((len(weights), len(PARTS), INPUTS + 1))
    found[:, 0, :-1], found[:, 0, -1] = weights, offsets
    found[:, 1:, -1] = SILENT
    return found


def constant(seen: Observations, rng: Rng) -> np.ndarray:
    """Zeros: the same activation on every word."""
    return np.zeros((len(seen.x), len(PARTS), INPUTS + 1))


def random_directions(seen: Observations, rng: Rng) -> np.ndarray:
    """A direction unrelated to the neuron."""
    return _towards(seen, rng.standard_normal((len(seen.x), INPUTS)))


def most_active_word(seen: Observations, rng: Rng) -> np.ndarray:
    """Similarity to the word with the highest activation."""
    return _towards(seen, seen.x[np.arange(len(seen.x)), seen.y.argmax(axis=1)])


def centroid(seen: Observations, rng: Rng) -> np.ndarray:
    """Similarity to the mean of the active words."""
    return _towards(seen, _mean(seen.x, seen.active))


def centroid_difference(seen: Observations, rng: Rng) -> np.ndarray:
    """The mean of the active words minus that of the others."""
    return _towards(seen, _mean(seen.x, seen.active) - _mean(seen.x, ~seen.active))


def discriminant(seen: Observations, rng: Rng) -> np.ndarray:
    """The same difference, in coordinates in which the vectors of all words are uncorrelated."""
    difference = _mean(seen.x, seen.active) - _mean(seen.x, ~seen.active)
    spread = np.cov(seen.table.T)
    return _towards(seen, np.linalg.solve(spread + 0.2 * np.trace(spread) / INPUTS * np.eye(INPUTS), difference.T).T)


def ridge_regression(seen: Observations, rng: Rng, *, penalty: float = 1.0) -> np.ndarray:
    """A linear fit of the activations, as the exponent of a logistic function."""
    centred, mean = seen.x - seen.x.mean(axis=1, keepdims=True), seen.y.mean(axis=1, keepdims=True)
    gram = np.swapaxes(centred, 1, 2) @ centred + penalty * np.eye(INPUTS)
    weights = np.linalg.solve(gram, (np.swapaxes(centred, 1, 2) @ (seen.y - mean)[:, :, None]))[:, :, 0]
    return _towards(seen, weights)


def two_centroids(seen: Observations, rng: Rng) -> np.ndarray:
    """Two k-means clusters of the active words; the neuron responds near either centre."""
    found = constant(seen, rng)
    found[:, 2, -1] = SILENT
    for number, (x, active) in enumerate(zip(seen.x, seen.active, strict=True)):
        for part, centre in enumerate(_halves(x[active], rng)):
            direction = centre - x[~active].mean(axis=0)
            found[number, part] = _edge_between(direction, x, active)
    return found


def _halves(x: np.ndarray, rng: Rng) -> np.ndarray:
    from sklearn.cluster import KMeans

    if len(x) < 2:
        return np.repeat(x, 2, axis=0)
    model = KMeans(2, n_init=1, random_state=int(rng.integers(2**31)))
    return np.asarray(model.fit(x).cluster_centers_)


def _towards(seen: Observations, directions: np.ndarray) -> np.ndarray:
    """Descriptions by one direction each, with the edge where it separates the examples best."""
    edges = [_edge_between(*case) for case in zip(directions, seen.x, seen.active, strict=True)]
    return in_one_part(np.array(edges)[:, :-1], np.array(edges)[:, -1])


def _edge_between(direction: np.ndarray, x: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Weights and offset along a direction; the edge leaves the fewest examples on the wrong side."""
    direction = direction / max(float(np.linalg.norm(direction)), 1e-12)
    along = np.sort(x @ direction)
    places = (along[1:] + along[:-1]) / 2
    wrong = ((x @ direction)[:, None] > places) != active[:, None]
    edge = places[wrong.sum(axis=0).argmin()]
    return np.append(GAIN * direction, -GAIN * edge)


def _mean(x: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mean of the chosen examples of each neuron, shape (neurons, inputs)."""
    return np.asarray((x * chosen[:, :, None]).sum(axis=1) / np.maximum(chosen.sum(axis=1), 1)[:, None])


def fitted(
    start: np.ndarray, seen: Observations, *, parts: tuple[int, ...], penalty: float = 0.002, steps: int = 400,
    towards: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """The descriptions nearest to the observations, by gradient steps on all neurons at once.

    Args:
        start: where to begin.
        parts: numbers of the parts to fit; the others stay unchanged.
        penalty: factor of the squared weights, relative to the mean log-loss.
        towards: weights that the penalty shrinks towards, instead of 0.
    """
    found, home = start.copy(), 0.0 if towards is None else towards.copy()
    free = np.zeros((1, len(PARTS), 1))
    free[:, list(parts)] = 1
    ones = np.ones((*seen.y.shape, 1))
    inputs = np.concatenate([seen.x, ones], axis=2)
    shrunk = np.append(np.ones(INPUTS), 0.0)
    optimiser = Adam([found], rate=0.1)
    for _ in range(steps):
        gradient = _slopes(found, seen) @ inputs / seen.y.shape[1]
        optimiser.step([free * (gradient + penalty * shrunk * (found - home))])
    return found


def _slopes(descriptions: np.ndarray, seen: Observations) -> np.ndarray:
    """Gradient of each example's log-loss with respect to the sum of each part, shape (neurons, 3, examples)."""
    a, b, unless = np.moveaxis(part_responses(descriptions, seen.x), 1, 0)
    larger = np.maximum(a, b)
    response = np.clip(larger * (1 - unless), 1e-4, 1 - 1e-4)
    by_response = (response - seen.y) / (response * (1 - response))
    by_larger = by_response * (1 - unless) * larger * (1 - larger)
    return np.stack([by_larger * (a >= b), by_larger * (a < b), -by_response * larger * unless * (1 - unless)], axis=1)


def logistic(seen: Observations, rng: Rng) -> np.ndarray:
    """Logistic regression on the activations."""
    return fitted(centroid_difference(seen, rng), seen, parts=(0,))


def either_of_two(seen: Observations, rng: Rng) -> np.ndarray:
    """Two parts that share the active words between them, fitted together."""
    return fitted(two_centroids(seen, rng), seen, parts=(0, 1))


def unless_another(seen: Observations, rng: Rng) -> np.ndarray:
    """One part for where the neuron is active, and one for its exceptions, fitted together.

    The exceptions start from the silent words nearest to the active ones.
    """
    found = centroid(seen, rng)
    near = (part_responses(found, seen.x)[:, 0] > 0.5) & ~seen.active
    away = _mean(seen.x, near) - _mean(seen.x, seen.active)
    edges = [_edge_between(*case) for case in zip(away, seen.x, near, strict=True)]
    found[:, 2] = np.array(edges)
    return fitted(found, seen, parts=(0, 2))
