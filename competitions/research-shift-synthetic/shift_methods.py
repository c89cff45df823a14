"""Classifiers under shift: class probabilities of one or more functions, and a novelty score of each input."""

from __future__ import annotations

import numpy as np

from mlebench.research import networks
from mlebench.research.networks import softmax
from mlebench.research.trained_networks import Adam, backward, forward, initial_parameters

from .sampled_classifiers import CLASSES, FUNCTIONS

Rng = np.random.Generator


def linear(x: np.ndarray, y: np.ndarray, test: np.ndarray, *, temperature: float = 1.0) -> np.ndarray:
    """Softmax regression, shape (inputs, 1, classes); Nesterov's method with a fixed number of steps."""
    features, at = (np.column_stack([part.astype(float), np.ones(len(part))]) for part in (x, test))
    targets = np.eye(CLASSES)[y]
    step = 2 / np.linalg.eigvalsh(features.T @ features)[-1]
    weights = momentum = np.zeros((features.shape[1], CLASSES))
    for number in range(1, 201):
        following = momentum - step * (features.T @ (softmax(features @ momentum) - targets) + momentum)
        momentum = following + (number - 1) / (number + 2) * (following - weights)
        weights = following
    return softmax(at @ weights / temperature)[:, None]


def discriminant(x: np.ndarray, y: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Linear discriminant analysis: probabilities, and the squared Mahalanobis distance to the nearest class mean."""
    means = np.stack([x[y == label].mean(axis=0) for label in range(CLASSES)])
    centred = x - means[y]
    inverse = np.linalg.inv(centred.T @ centred / len(x) + 1e-3 * np.eye(x.shape[1]))
    gaps = test[:, None] - means
    distances = np.einsum("ncd,de,nce->nc", gaps, inverse, gaps)
    log_prior = np.log(np.bincount(y, minlength=CLASSES) + 1.0)
    return softmax(log_prior - distances / 2)[:, None], distances.min(axis=1)


def neighbours(x: np.ndarray, y: np.ndarray, test: np.ndarray, *, k: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed shares of the k nearest examples' classes, and the distance to the k-th."""
    squares = (test**2).sum(axis=1)[:, None] + (x**2).sum(axis=1)[None] - 2 * test @ x.T
    near = np.argpartition(squares, k, axis=1)[:, :k]
    shares = (np.eye(CLASSES)[y][near].sum(axis=1) + 0.5) / (k + 0.5 * CLASSES)
    return shares[:, None], np.take_along_axis(squares, near, axis=1).max(axis=1)


def forest(x: np.ndarray, y: np.ndarray, test: np.ndarray, rng: Rng) -> np.ndarray:
    """A random forest of 100 trees; ten trees each are a function."""
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(100, min_samples_leaf=3, random_state=int(rng.integers(2**31))).fit(x, y)
    trees = np.stack([tree.predict_proba(test) for tree in model.estimators_], axis=1)
    return np.asarray(trees.reshape(len(test), FUNCTIONS, -1, CLASSES).mean(axis=2))


def ensemble(
    x: np.ndarray, y: np.ndarray, test: np.ndarray, rng: Rng, *, members: int = FUNCTIONS, penalty: float = 2e-4,
    prior_scale: float = 0.0, augmented: bool = False, steps: int = 700, temperature: float = 1.0,
) -> np.ndarray:  # fmt: skip
    """Networks of 50-50 hidden units; `augmented` ones are also trained on noisy inputs with missing features."""
    x, test = x.astype(np.float32), test.astype(np.float32)
    sizes = (x.shape[1], 50, 50, CLASSES)
    trained = initial_parameters(rng, members, sizes)
    prior = initial_parameters(rng, members, sizes, first_bias=True)
    targets = np.eye(CLASSES, dtype=np.float32)[y]
    optimiser = Adam(trained, rate=2e-3)
    for _ in range(steps):
        rows = rng.integers(len(x), size=100)
        inputs = _spoilt(x[rows], rng) if augmented else x[rows]
        layers = forward(trained, inputs[None])
        logits = layers[-1] + prior_scale * forward(prior, inputs[None])[-1] if prior_scale else layers[-1]
        signal = ((softmax(logits) - targets[rows]) / len(rows)).astype(np.float32)
        gradients = backward(trained, layers, signal)
        optimiser.step([gradient + 2 * penalty * array for gradient, array in zip(gradients, trained, strict=True)])
    logits = forward(trained, test[None])[-1] + prior_scale * forward(prior, test[None])[-1]
    return np.asarray(softmax(logits / temperature).transpose(1, 0, 2))


def _spoilt(x: np.ndarray, rng: Rng) -> np.ndarray:
    """Half of the rows unchanged, a quarter noisy, a quarter with missing features."""
    kind = rng.random((len(x), 1))
    noisy = x + 0.25 * rng.integers(1, 6, size=(len(x), 1)) * rng.standard_normal(x.shape)
    missing = np.where(rng.random(x.shape) < 0.1 * rng.integers(1, 6, size=(len(x), 1)), 0, x)
    return np.where(kind < 0.5, x, np.where(kind < 0.75, noisy, missing)).astype(np.float32)


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Entropy of the mean over functions, shape (inputs,)."""
    return networks.entropy(probabilities.mean(axis=1))
