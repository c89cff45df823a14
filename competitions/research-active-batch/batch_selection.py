"""Methods that know the test distribution, N(0, I), in addition to those of `mlebench.research.batch_selection`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grading.softmax_regression import fit_softmax
from mlebench.research.batch_selection import PoolTask, nearest_to_centres

from .learner import random_features


def read_task(arrays: Mapping[str, np.ndarray], name: str) -> PoolTask:
    """One task of the public archive."""
    pool = arrays[f"{name}_pool"]
    features = random_features(pool, arrays["projection"], arrays["offset"])
    seeds, labels = arrays[f"{name}_seeds"], arrays[f"{name}_seed_labels"]
    return PoolTask(pool.astype(float), features, seeds, labels, int(arrays["classes"]), fit_softmax)


def central(task: PoolTask, rng: np.random.Generator) -> np.ndarray:
    """Closeness to the origin, where the test inputs are densest."""
    return np.asarray(-(task.vectors**2).sum(axis=1))


def k_means_of_test_law(task: PoolTask, count: int, rng: np.random.Generator) -> np.ndarray:
    """The items nearest to the cluster centres of possible test inputs."""
    return nearest_to_centres(task, rng.standard_normal((1000, task.vectors.shape[1])), count, rng)


def test_weight(task: PoolTask) -> np.ndarray:
    """Inverse of the pool's density around each item: the densest part of the pool is not where test inputs are."""
    x = task.vectors
    squares = (x**2).sum(axis=1)
    near = (squares[:, None] + squares[None, :] - 2 * x @ x.T) < x.shape[1] / 2
    return np.asarray(1 / near.sum(axis=1))
