"""Classification with random networks whose test inputs are shifted, or from classes absent from the training data."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mlebench.research.networks import RandomNetwork, draw_classes

from .sampled_classifiers import CLASSES

INPUTS, ALL_CLASSES, TEMPERATURE = 20, 10, 0.1
SEVERITIES = (1, 2, 3, 4, 5)

Rng = np.random.Generator


class Shift(NamedTuple):
    """A transformation of inputs, and whether labels are those of the unshifted inputs."""

    change: Callable[[np.ndarray, int, Rng], np.ndarray]
    keeps_labels: bool


def _noise(x: np.ndarray, severity: int, rng: Rng) -> np.ndarray:
    return x + 0.25 * severity * rng.standard_normal(x.shape)


def _missing(x: np.ndarray, severity: int, rng: Rng) -> np.ndarray:
    return np.where(rng.random(x.shape) < 0.1 * severity, 0.0, x)


def _turned(x: np.ndarray, severity: int, rng: Rng) -> np.ndarray:
    first, second = np.linalg.qr(rng.standard_normal((x.shape[1], 2)))[0].T
    angle = severity * np.pi / 8
    a, b = (x @ first)[:, None], (x @ second)[:, None]
    turned_a, turned_b = np.cos(angle) * a - np.sin(angle) * b, np.sin(angle) * a + np.cos(angle) * b
    return np.asarray(x + (turned_a - a) * first + (turned_b - b) * second)


def _scaled(x: np.ndarray, severity: int, rng: Rng) -> np.ndarray:
    return x * (1 + 0.4 * severity)


def _moved(x: np.ndarray, severity: int, rng: Rng) -> np.ndarray:
    direction = rng.standard_normal(x.shape[1])
    return np.asarray(x + severity * direction / np.linalg.norm(direction))


SHIFTS = {
    "noise": Shift(_noise, True),
    "missing features": Shift(_missing, True),
    "turned": Shift(_turned, True),
    "scaled": Shift(_scaled, False),
    "moved": Shift(_moved, False),
}


class Classes(NamedTuple):
    """A function and which of its classes are known; known ones are numbered 0 to 7 in labels, the others are −1."""

    network: RandomNetwork
    numbers: np.ndarray
    """New number of each class, shape (10,)."""

    def label(self, x: np.ndarray, rng: Rng) -> np.ndarray:
        """Labels drawn for inputs, shape (n,)."""
        return np.asarray(self.numbers[draw_classes(self.network.class_probabilities(x, TEMPERATURE), rng)])

    def draw(self, rng: Rng, count: int, *, known: bool) -> tuple[np.ndarray, np.ndarray]:
        """Standard normal inputs with labels of known classes, or of unknown ones."""
        x = rng.standard_normal((40 * count, INPUTS))
        labels = self.label(x, rng)
        rows = np.flatnonzero((labels >= 0) == known)[:count]
        return x[rows], labels[rows]

    def draw_shifted(self, rng: Rng, count: int, shift: Shift, severity: int) -> tuple[np.ndarray, np.ndarray]:
        """Shifted inputs with labels of known classes."""
        x, labels = self.draw(rng, 4 * count, known=True)
        changed = shift.change(x, severity, rng)
        labels = labels if shift.keeps_labels else self.label(changed, rng)
        rows = np.flatnonzero(labels >= 0)[:count]
        return changed[rows], labels[rows]


def choose_classes(network: RandomNetwork, rng: Rng) -> Classes:
    """Hide two classes that are neither rare nor the most frequent one."""
    frequency = network.class_probabilities(rng.standard_normal((4000, INPUTS)), TEMPERATURE).mean(axis=0)
    middle = np.argsort(frequency)[4:9]
    hidden = rng.choice(middle, ALL_CLASSES - CLASSES, replace=False)
    numbers = np.full(ALL_CLASSES, -1)
    numbers[np.setdiff1d(np.arange(ALL_CLASSES), hidden)] = rng.permutation(CLASSES)
    return Classes(network, numbers)
