"""Methods that use the texts (words, subjects, clusters of copies), in addition to `mlebench.research.batch_selection`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from grading.softmax_regression import balanced_weights
from mlebench.research import batch_selection as shared
from mlebench.research import networks
from mlebench.research.batch_selection import PoolTask

from .learner import fit_learner
from .sizes import CLASSES
from .text_features import hashed_features

SUBJECTS = 50
"""Dimensions of latent semantic analysis."""


@dataclass(frozen=True)
class TextTask(PoolTask):
    """A pool of texts. Its vectors are those of latent semantic analysis."""

    held: np.ndarray
    """Which of the words that occur in at least two texts each text contains, shape (n, words)."""
    lengths: np.ndarray
    """Words in each text."""


Selector = Callable[[TextTask, int, np.random.Generator], np.ndarray]


def read_tasks(public: Path) -> dict[str, TextTask]:
    """The tasks by name."""
    seeds = dict(iter(pd.read_csv(public / "seeds.csv").groupby("task")))
    pools = pd.read_csv(public / "pool.csv").groupby("task")
    return {str(name): text_task(pool["text"].tolist(), seeds[name]["item"], seeds[name]["label"]) for name, pool in pools}


def text_task(texts: list[str], seeds: pd.Series, labels: pd.Series) -> TextTask:
    held = word_incidence(texts)
    lengths = np.array([len(text.split(" ")) for text in texts])
    return TextTask(
        latent_vectors(held), hashed_features(texts), seeds.to_numpy(), labels.to_numpy(), CLASSES, fit_learner, held, lengths
    )


def word_incidence(texts: list[str]) -> np.ndarray:
    """Which of the words that occur in at least two texts each text contains, as 0 and 1, shape (n, words)."""
    sets = [set(text.split(" ")) for text in texts]
    counts = Counter(word for words in sets for word in words)
    columns = {word: place for place, word in enumerate(sorted(word for word, count in counts.items() if count > 1))}
    held = np.zeros((len(texts), len(columns)))
    for row, words in enumerate(sets):
        held[row, [columns[word] for word in words if word in columns]] = 1
    return held


def latent_vectors(held: np.ndarray) -> np.ndarray:
    """Texts of unit length in the space of the main directions of TF-IDF, shape (n, SUBJECTS)."""
    weighted = held * np.log(len(held) / held.sum(axis=0))
    weighted /= np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-9)
    _, directions = np.linalg.eigh(weighted.T @ weighted)
    vectors = weighted @ directions[:, -SUBJECTS:]
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))


def sampled_probabilities(task: PoolTask, rng: np.random.Generator, *, samples: int = 20) -> np.ndarray:
    """P(class) under learners that are plausible given the seeds, shape (samples, n, classes).

    A learner is drawn from the normal approximation around the fitted one: coefficients from the prior, N(0, 1), are corrected
    for the seeds, so that words in no seed keep their random weights.
    """
    x, classes = task.features[task.seeds], task.classes
    coefficients = task.fit(x, task.seed_labels, classes)
    p = networks.softmax(x @ coefficients)
    noise = 1 / np.maximum(balanced_weights(task.seed_labels)[:, None] * p * (1 - p), 1e-6)
    gram = x @ x.T
    drawn = []
    for _ in range(samples):
        prior = rng.standard_normal(coefficients.shape)
        missed = x @ prior + np.sqrt(noise) * rng.standard_normal(noise.shape)
        learnt = np.column_stack([np.linalg.solve(gram + np.diag(noise[:, c]), missed[:, c]) for c in range(classes)])
        drawn.append(networks.softmax(task.features @ (coefficients + prior - x.T @ learnt)))
    return np.stack(drawn)


def posterior_disagreement(task: PoolTask, rng: np.random.Generator) -> np.ndarray:
    """BALD over sampled learners."""
    sampled = sampled_probabilities(task, rng)
    return np.asarray(networks.entropy(sampled.mean(axis=0)) - networks.entropy(sampled).mean(axis=0))


def posterior_variance(task: PoolTask, rng: np.random.Generator) -> np.ndarray:
    """Variance of P(class) over sampled learners, summed over classes."""
    return np.asarray(sampled_probabilities(task, rng).var(axis=0).sum(axis=1))


def length(task: TextTask, rng: np.random.Generator) -> np.ndarray:
    """Words in the text."""
    return task.lengths


def rare_words(task: TextTask, rng: np.random.Generator) -> np.ndarray:
    """The mean rarity of a text's words."""
    rarity = np.log(len(task.held) / task.held.sum(axis=0))
    return np.asarray(task.held @ rarity / np.maximum(task.held.sum(axis=1), 1))


def density_weighted_entropy(task: TextTask, rng: np.random.Generator) -> np.ndarray:
    """Entropy times mean similarity to the pool. Settles & Craven (2008)."""
    return np.asarray(shared.entropy(task, rng) * (task.vectors @ task.vectors.mean(axis=0)))


def word_coverage(task: TextTask, count: int, rng: np.random.Generator) -> np.ndarray:
    """Greedily, the text that most increases Σ over words of log(1 + labelled texts with the word)."""
    covered = task.held[task.seeds].sum(axis=0)
    free = task.free()
    chosen = []
    for _ in range(count):
        item = int(np.where(free, task.held @ np.log1p(1 / (1 + covered)), -np.inf).argmax())
        chosen.append(item)
        free[item] = False
        covered += task.held[item]
    return np.array(chosen)
