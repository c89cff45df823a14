"""Methods that choose a batch of pool items to label in one step, for a learner that is a softmax regression on features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from mlebench.research import networks


@dataclass(frozen=True)
class PoolTask:
    """The public part of a task."""

    vectors: np.ndarray
    """Where the items lie: near ones are alike. Shape (n, inputs)."""
    features: np.ndarray
    """Features of the pool, as the learner sees them."""
    seeds: np.ndarray
    """Items that are labelled already."""
    seed_labels: np.ndarray
    classes: int
    fit: Callable[[np.ndarray, np.ndarray, int], np.ndarray]
    """The learner: from features, labels and the number of classes to coefficients of shape (d, classes)."""

    def probabilities(self, rows: np.ndarray | None = None) -> np.ndarray:
        """The learner's class probabilities on the pool, trained on the seeds (or on a sample of them with repeats)."""
        rows = np.arange(len(self.seeds)) if rows is None else rows
        coefficients = self.fit(self.features[self.seeds[rows]], self.seed_labels[rows], self.classes)
        return networks.softmax(self.features @ coefficients)

    def free(self) -> np.ndarray:
        """Which items are not labelled yet, shape (n,)."""
        free = np.ones(len(self.features), dtype=bool)
        free[self.seeds] = False
        return free


Selector = Callable[[PoolTask, int, np.random.Generator], np.ndarray]
"""Chooses this many pool items that are not seeds."""


AnyTask = TypeVar("AnyTask", bound=PoolTask)


def by_score(
    score: Callable[[AnyTask, np.random.Generator], np.ndarray],
) -> Callable[[AnyTask, int, np.random.Generator], np.ndarray]:
    """The items with the highest scores."""

    def select(task: AnyTask, count: int, rng: np.random.Generator) -> np.ndarray:
        values = score(task, rng).astype(float)
        values[task.seeds] = -np.inf
        return np.argsort(-values, kind="stable")[:count]

    return select


def at_random(task: PoolTask, rng: np.random.Generator) -> np.ndarray:
    """Any order."""
    return rng.random(len(task.features))


def entropy(task: PoolTask, rng: np.random.Generator) -> np.ndarray:
    """The learner's uncertainty."""
    return networks.entropy(task.probabilities())


def margin(task: PoolTask, rng: np.random.Generator) -> np.ndarray:
    """How close its two most probable classes are."""
    ordered = np.sort(task.probabilities(), axis=1)
    return np.asarray(ordered[:, -2] - ordered[:, -1])


def disagreement(task: PoolTask, rng: np.random.Generator, *, members: int = 15) -> np.ndarray:
    """BALD: entropy of the mean less the mean entropy, over learners of bootstrapped seeds. Houlsby et al. (2011)."""
    predictions = _bootstrapped(task, rng, members)
    return np.asarray(networks.entropy(predictions.mean(axis=0)) - networks.entropy(predictions).mean(axis=0))


def variance(task: PoolTask, rng: np.random.Generator, *, members: int = 15) -> np.ndarray:
    """Variance of P(class) over learners of bootstrapped seeds, summed over classes."""
    return np.asarray(_bootstrapped(task, rng, members).var(axis=0).sum(axis=1))


def _bootstrapped(task: PoolTask, rng: np.random.Generator, members: int) -> np.ndarray:
    """P(class) under learners that each saw a sample of the seeds with repeats, shape (members, n, classes)."""
    drawn = [rng.integers(len(task.seeds), size=len(task.seeds)) for _ in range(members)]
    return np.stack([task.probabilities(rows) for rows in drawn])


def spread_out(
    score: Callable[[AnyTask, np.random.Generator], np.ndarray],
) -> Callable[[AnyTask, int, np.random.Generator], np.ndarray]:
    """Greedily the items with the highest score times squared distance from all chosen or labelled ones, in features."""

    def select(task: AnyTask, count: int, rng: np.random.Generator) -> np.ndarray:
        values = score(task, rng)
        return _farthest(task, task.features, count, values - values.min() + 1e-9)

    return select


def k_centre(task: PoolTask, count: int, rng: np.random.Generator, *, in_features: bool = False) -> np.ndarray:
    """Greedily picks the item farthest from all chosen or labelled ones. Sener & Savarese (2018)."""
    vectors = task.features if in_features else task.vectors
    return _farthest(task, vectors, count, np.ones(len(vectors)))


def _farthest(task: PoolTask, vectors: np.ndarray, count: int, values: np.ndarray) -> np.ndarray:
    # one buffer for all differences: a new one for each item costs more than the sums
    buffer = np.empty_like(vectors)

    def squared_distances(item: int) -> np.ndarray:
        np.subtract(vectors, vectors[item], out=buffer)
        return np.asarray(np.square(buffer, out=buffer).sum(axis=1))

    distances = np.min([squared_distances(seed) for seed in task.seeds], axis=0)
    free = task.free()
    chosen = []
    for _ in range(count):
        item = int(np.where(free, values * distances, -1).argmax())
        chosen.append(item)
        free[item] = False
        distances = np.minimum(distances, squared_distances(item))
    return np.array(chosen)


def k_means(task: PoolTask, count: int, rng: np.random.Generator) -> np.ndarray:
    """The items nearest to the centres of clusters of the pool."""
    return nearest_to_centres(task, task.vectors, count, rng)


def nearest_to_centres(task: PoolTask, points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """The items nearest to the centres of clusters of `points`, each once."""
    from scipy.cluster.vq import kmeans2

    centres, _ = kmeans2(points, count, iter=10, minit="++", seed=rng)
    free = task.free()
    chosen = []
    for centre in centres:
        distances = np.where(free, ((task.vectors - centre) ** 2).sum(axis=1), np.inf)
        chosen.append(int(distances.argmin()))
        free[chosen[-1]] = False
    return np.array(chosen)


def cluster_shares(task: PoolTask, count: int, rng: np.random.Generator, *, clusters: int = 40) -> np.ndarray:
    """In turn from each of some clusters the item nearest to its centre."""
    centres, cluster = _clusters(task, clusters, rng)
    distances = ((task.vectors - centres[cluster]) ** 2).sum(axis=1)
    return _in_turns(task, cluster, distances, np.arange(clusters), count)


def cluster_margin(task: PoolTask, count: int, rng: np.random.Generator, *, candidates: int = 500) -> np.ndarray:
    """Of the items with the smallest margins, one of each cluster in turn, small clusters first. Citovsky et al. (2021)."""
    _, cluster = _clusters(task, 100, rng)
    uncertain = by_score(margin)(task, candidates, rng)
    among = np.full(len(task.features), -1)
    among[uncertain] = cluster[uncertain]
    sizes = np.bincount(cluster[uncertain], minlength=100)
    return _in_turns(task, among, rng.random(len(among)), np.argsort(sizes, kind="stable"), count)


def _clusters(task: PoolTask, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    from scipy.cluster.vq import kmeans2

    centres, cluster = kmeans2(task.vectors, count, iter=10, minit="++", seed=rng)
    return centres, cluster


def _in_turns(task: PoolTask, cluster: np.ndarray, cost: np.ndarray, order: np.ndarray, count: int) -> np.ndarray:
    """One item of each cluster, then another of each, the cheapest first."""
    free = task.free()
    waiting = [np.flatnonzero((cluster == number) & free) for number in order]
    waiting = [items[np.argsort(cost[items], kind="stable")] for items in waiting]
    turns = [item for turn in range(max(map(len, waiting))) for items in waiting for item in items[turn : turn + 1]]
    return np.array(turns[:count])


def gradient_spread(task: PoolTask, count: int, rng: np.random.Generator) -> np.ndarray:
    """k-means++ seeding in the gradients that the learner's own guesses would give (BADGE). Ash et al. (2020)."""
    errors = task.probabilities()
    errors[np.arange(len(errors)), errors.argmax(axis=1)] -= 1
    squares = (errors**2).sum(axis=1) * (task.features**2).sum(axis=1)
    free = task.free()
    nearest = np.where(free, squares, 0.0)
    chosen: list[int] = []
    while len(chosen) < count:
        item = int(rng.choice(len(nearest), p=nearest / nearest.sum()))
        chosen.append(item)
        free[item] = False
        # a gradient is the outer product of an error and the features: so are inner products of gradients
        products = (errors @ errors[item]) * (task.features @ task.features[item])
        nearest = np.minimum(nearest, np.maximum(squares + squares[item] - 2 * products, 0))
        nearest[~free] = 0
    return np.array(chosen)


def optimal_design(
    task: PoolTask, count: int, rng: np.random.Generator, *, weight: Callable[[PoolTask], np.ndarray] | None = None
) -> np.ndarray:
    """Greedy optimal design of ridge regression on the learner's features.

    Args:
        weight: how much each pool item stands for test inputs. With it each item is the one that lowers the mean variance of
            predictions on test inputs most (V-optimal), otherwise the one that is most uncertain itself (D-optimal).
    """
    features = task.features
    covariance = np.linalg.inv(features[task.seeds].T @ features[task.seeds] + np.eye(features.shape[1]))
    free = task.free()
    of_test = np.ones(len(features)) if weight is None else weight(task)
    moment = (features * of_test[:, None]).T @ features / of_test.sum()
    directions = features @ covariance
    uncertainty = (directions * features).sum(axis=1)
    lowered = ((directions @ moment) * directions).sum(axis=1)
    change = np.empty_like(directions)
    chosen = []
    for _ in range(count):
        item = int(np.where(free, uncertainty if weight is None else lowered / (1 + uncertainty), -np.inf).argmax())
        chosen.append(item)
        free[item] = False
        # choosing an item changes the covariance, and everything derived from it, by one outer product
        along, size = directions[item].copy(), 1 + uncertainty[item]
        shares = features @ along / size
        spread = moment @ along
        lowered = lowered - 2 * shares * (directions @ spread) + shares**2 * (along @ spread)
        uncertainty = uncertainty - shares**2 * size
        directions -= np.outer(shares, along, out=change)
    return np.array(chosen)
