"""Methods that choose a batch of items to label in one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mlebench.research import networks

from .learner import fit_softmax, random_features


@dataclass(frozen=True)
class PoolTask:
    """The public part of a task."""

    pool: np.ndarray
    features: np.ndarray
    """Features of the pool, as the learner sees them."""
    seeds: np.ndarray
    seed_labels: np.ndarray
    classes: int

    @classmethod
    def read(cls, arrays: Mapping[str, np.ndarray], name: str) -> PoolTask:
        """One task of the public archive."""
        pool = arrays[f"{name}_pool"]
        features = random_features(pool, arrays["projection"], arrays["offset"])
        return cls(pool, features, arrays[f"{name}_seeds"], arrays[f"{name}_seed_labels"], int(arrays["classes"]))

    def probabilities(self, rows: np.ndarray | None = None) -> np.ndarray:
        """The learner's class probabilities on the pool, trained on the seeds (or on a sample of them with repeats)."""
        rows = np.arange(len(self.seeds)) if rows is None else rows
        weights = fit_softmax(self.features[self.seeds[rows]], self.seed_labels[rows], self.classes)
        return networks.softmax(self.features @ weights)


Selector = Callable[[PoolTask, int, np.random.Generator], np.ndarray]
"""Chooses this many pool items that are not seeds."""


def by_score(score: Callable[[PoolTask, np.random.Generator], np.ndarray]) -> Selector:
    """The items with the highest scores."""

    def select(task: PoolTask, count: int, rng: np.random.Generator) -> np.ndarray:
        values = score(task, rng).astype(float)
        values[task.seeds] = -np.inf
        return np.argsort(-values, kind="stable")[:count]

    return select


def at_random(task: PoolTask, rng: np.random.Generator) -> np.ndarray:
    """Any order."""
    return rng.random(len(task.pool))


def entropy(task: PoolTask, rng: np.random.Generator) -> np.ndarray:
    """The learner's uncertainty."""
    return networks.entropy(task.probabilities())


def margin(task: PoolTask, rng: np.random.Generator) -> np.ndarray:
    """How close its two most probable classes are."""
    ordered = np.sort(task.probabilities(), axis=1)
    return np.asarray(ordered[:, -2] - ordered[:, -1])


def disagreement(task: PoolTask, rng: np.random.Generator, *, members: int = 15) -> np.ndarray:
    """BALD: entropy of the mean less the mean entropy, over learners of bootstrapped seeds. Houlsby et al. (2011)."""
    drawn = [rng.integers(len(task.seeds), size=len(task.seeds)) for _ in range(members)]
    predictions = np.stack([task.probabilities(rows) for rows in drawn])
    return np.asarray(networks.entropy(predictions.mean(axis=0)) - networks.entropy(predictions).mean(axis=0))


def central(task: PoolTask, rng: np.random.Generator) -> np.ndarray:
    """Closeness to the origin, where the test inputs are densest."""
    return np.asarray(-(task.pool.astype(float) ** 2).sum(axis=1))


def k_centre(task: PoolTask, count: int, rng: np.random.Generator, *, in_features: bool = False) -> np.ndarray:
    """Greedily picks the item farthest from all chosen or labelled ones. Sener & Savarese (2018)."""
    vectors = task.features if in_features else task.pool.astype(float)
    distances = np.min([((vectors - vectors[seed]) ** 2).sum(axis=1) for seed in task.seeds], axis=0)
    chosen = []
    for _ in range(count):
        item = int(distances.argmax())
        chosen.append(item)
        distances = np.minimum(distances, ((vectors - vectors[item]) ** 2).sum(axis=1))
    return np.array(chosen)


def k_means(task: PoolTask, count: int, rng: np.random.Generator) -> np.ndarray:
    """The items nearest to the centres of clusters of the pool."""
    return _nearest_to_centres(task, task.pool.astype(float), count, rng)


def k_means_of_test_law(task: PoolTask, count: int, rng: np.random.Generator) -> np.ndarray:
    """The items nearest to the cluster centres of possible test inputs, N(0, I)."""
    return _nearest_to_centres(task, rng.standard_normal((1000, task.pool.shape[1])), count, rng)


def _nearest_to_centres(task: PoolTask, points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    from scipy.cluster.vq import kmeans2

    centres, _ = kmeans2(points, count, iter=10, minit="++", seed=rng)
    free = np.ones(len(task.pool), dtype=bool)
    free[task.seeds] = False
    chosen = []
    for centre in centres:
        distances = np.where(free, ((task.pool - centre) ** 2).sum(axis=1), np.inf)
        chosen.append(int(distances.argmin()))
        free[chosen[-1]] = False
    return np.array(chosen)


def variance_reduction(task: PoolTask, count: int, rng: np.random.Generator, *, test_law: bool = True) -> np.ndarray:
    """Greedy optimal design of ridge regression on the learner's features.

    With `test_law` each item is the one that lowers the mean variance of predictions on stand-ins for test inputs most
    (V-optimal), otherwise the one that is most uncertain itself (D-optimal).
    """
    features = task.features
    covariance = np.linalg.inv(features[task.seeds].T @ features[task.seeds] + np.eye(features.shape[1]))
    free = np.ones(len(features), dtype=bool)
    free[task.seeds] = False
    # the densest part of the pool is not the test distribution: items are weighted by their density under N(0, I)
    weight = _test_weight(task) if test_law else np.ones(len(features))
    moment = (features * weight[:, None]).T @ features / weight.sum()
    directions = features @ covariance
    uncertainty = (directions * features).sum(axis=1)
    lowered = ((directions @ moment) * directions).sum(axis=1)
    chosen = []
    for _ in range(count):
        item = int(np.where(free, lowered / (1 + uncertainty) if test_law else uncertainty, -np.inf).argmax())
        chosen.append(item)
        free[item] = False
        # choosing an item changes the covariance, and everything derived from it, by one outer product
        along, size = directions[item].copy(), 1 + uncertainty[item]
        shares = features @ along / size
        spread = moment @ along
        lowered = lowered - 2 * shares * (directions @ spread) + shares**2 * (along @ spread)
        uncertainty = uncertainty - shares**2 * size
        directions = directions - np.outer(shares, along)
    return np.array(chosen)


def _test_weight(task: PoolTask) -> np.ndarray:
    """Inverse of the pool's density around each item."""
    x = task.pool.astype(float)
    squares = (x**2).sum(axis=1)
    near = (squares[:, None] + squares[None, :] - 2 * x @ x.T) < x.shape[1] / 2
    return np.asarray(1 / near.sum(axis=1))
