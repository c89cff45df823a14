"""Retrieval across two kinds of vectors with hubs, i.e. gallery items that are near every query.

Chowdhury et al., "Nearest Neighbor Normalization Improves Multimodal Retrieval" (2024) describes the effect and the correction
`normalised`; the generator reproduces the effect without an encoder.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

DIMENSIONS = 64
CONCEPTS = 30
ITEMS = 1000
QUERIES_PER_ITEM = 5
BANK = 10_000
DEVELOPMENT_QUERIES_PER_ITEM = 2

Streams = dict[str, np.random.Generator]


class Retrieval(NamedTuple):
    """Unit vectors in float32, and the gallery item of each query."""

    gallery: np.ndarray
    queries: np.ndarray
    bank: np.ndarray
    """Additional queries, for items in no gallery."""
    development_gallery: np.ndarray
    development_queries: np.ndarray
    development_items: np.ndarray
    items: np.ndarray
    """Private: the item of each query."""


class _World(NamedTuple):
    concepts: np.ndarray
    gallery_mean: np.ndarray
    query_mean: np.ndarray
    noise: float
    hubness: float

    def items(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Latent vectors of items, and the gallery's unit vectors of them."""
        concept = self.concepts[rng.integers(CONCEPTS, size=count)]
        latent = concept + rng.standard_normal((count, DIMENSIONS))
        pull = np.abs(rng.standard_normal((count, 1))) * self.hubness
        blur = 0.3 * rng.standard_normal((count, DIMENSIONS))
        return latent, unit(latent + self.gallery_mean + pull * (concept + self.query_mean) + blur)

    def queries(self, latent: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Unit vectors of one query per latent vector."""
        return unit(latent + self.query_mean + self.noise * rng.standard_normal(latent.shape))


def draw_retrieval(streams: Streams, *, noise: float, hubness: float) -> Retrieval:
    """Draw one retrieval problem.

    Args:
        streams: generators for `world`, `gallery`, `queries`, `pairs`, `bank` and `development`.
        noise: noise level of the queries.
        hubness: how far items are pulled towards the queries of their concept.
    """
    rng = streams["world"]
    means = rng.standard_normal((2, DIMENSIONS))
    world = _World(1.5 * rng.standard_normal((CONCEPTS, DIMENSIONS)), means[0], means[1], noise, hubness)
    latent, gallery = world.items(ITEMS, streams["gallery"])
    # items have unequal numbers of queries: with equal numbers, balancing the test queries would reveal the pairs
    counts = streams["pairs"].geometric(1 / (1 + QUERIES_PER_ITEM), ITEMS) - 1
    items = streams["pairs"].permutation(np.repeat(np.arange(ITEMS), counts))
    development_latent, development_gallery = world.items(ITEMS, streams["development"])
    development_items = streams["development"].permutation(np.repeat(np.arange(ITEMS), DEVELOPMENT_QUERIES_PER_ITEM))
    return Retrieval(
        gallery=gallery,
        queries=world.queries(latent[items], streams["queries"]),
        bank=world.queries(world.items(BANK, streams["bank"])[0], streams["bank"]),
        development_gallery=development_gallery,
        development_queries=world.queries(development_latent[development_items], streams["development"]),
        development_items=development_items,
        items=items,
    )


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1, in float32."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def normalised(scores: np.ndarray, bank_scores: np.ndarray, *, k: int, alpha: float) -> np.ndarray:
    """Nearest neighbour normalisation: scores less α times each item's mean over its k highest scores in the bank.

    Args:
        scores: queries × items.
        bank_scores: bank × items.
    """
    return np.asarray(scores - alpha * top_mean(bank_scores, k))


def top_mean(bank_scores: np.ndarray, k: int) -> np.ndarray:
    """Mean of each column's k highest values."""
    if k >= len(bank_scores):
        return np.asarray(bank_scores.mean(axis=0))
    return np.asarray(np.partition(bank_scores, len(bank_scores) - k, axis=0)[-k:].mean(axis=0))


def inverted_softmax(scores: np.ndarray, bank_scores: np.ndarray, *, beta: float) -> np.ndarray:
    """Logarithm of exp(β·score) divided by its sum over the bank. Smith et al. (2017)."""
    return np.asarray(beta * scores - np.log(np.exp(beta * bank_scores).sum(axis=0)))


def standardised(scores: np.ndarray, bank_scores: np.ndarray) -> np.ndarray:
    """Scores in standard deviations from the item's mean over the bank."""
    return np.asarray((scores - bank_scores.mean(axis=0)) / bank_scores.std(axis=0))


def locally_scaled(scores: np.ndarray, bank_scores: np.ndarray, *, k: int) -> np.ndarray:
    """CSLS: twice the score less the means of the query's and of the item's k highest. Conneau et al. (2018)."""
    return np.asarray(2 * scores - top_mean(scores.T, k)[:, None] - top_mean(bank_scores, k))


def whitening(vectors: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the vectors, and the matrix that whitens their covariance plus a share `ridge` of its mean variance."""
    covariance = np.cov(vectors.T)
    covariance = covariance + ridge * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    values, directions = np.linalg.eigh(covariance)
    return vectors.mean(axis=0), directions / np.sqrt(values)
