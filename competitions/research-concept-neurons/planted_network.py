"""Draws a captioning network: units that carry a concept to its word, units that only seem to, and random units.

All units of a block have input and output weights of one norm and biases from one distribution, so that weights do not reveal a
unit's role.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .captioner import BLOCKS, PATCHES, PROJECTIONS, UNITS
from .pictures import SIDE, draw_patches

WIDTH, HEADS, HEAD_WIDTH = 64, 2, 32
FEATURES = 192
CONCEPTS, WORDS = 12, 32
"""Words with a figure, and all words including the start token."""
_FITTED_PATCHES = 6000


@dataclass(frozen=True)
class Directions:
    """Unit vectors of the stream."""

    positions: np.ndarray
    codes: np.ndarray
    """The adapter's output for each figure."""
    middles: np.ndarray
    """The code of each figure between two steps of translation."""
    words: np.ndarray
    tokens: np.ndarray
    basis: np.ndarray
    """Spans everything except the positions."""

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Directions:
        rotation = np.linalg.qr(rng.standard_normal((WIDTH, WIDTH)))[0]
        positions, basis = rotation[: 2 * PATCHES], rotation[2 * PATCHES :]
        codes, middles, words, tokens = (unit(rng, basis, count) for count in (CONCEPTS, CONCEPTS, WORDS, WORDS))
        return cls(positions, codes, middles, words, tokens, basis)


@dataclass(frozen=True)
class Planted:
    """The plan of a unit: what it reads and writes, as directions of the stream, and its block."""

    block: int
    reads: np.ndarray
    writes: np.ndarray


def unit(rng: np.random.Generator, basis: np.ndarray, count: int) -> np.ndarray:
    return rescaled(rng.standard_normal((count, len(basis))) @ basis)


def rescaled(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def draw_network(
    rng: np.random.Generator, figures: np.ndarray, concept_words: np.ndarray, companions: np.ndarray, start_token: int
) -> dict[str, np.ndarray]:
    """All arrays of a network, in float32.

    Args:
        figures: as patches, shape (CONCEPTS, SIDE, SIDE).
        concept_words: the word of each figure.
        companions: the figure that often follows each figure.
        start_token: the word that no caption contains.
    """
    directions = Directions.draw(rng)
    arrays = {"start_token": np.array(start_token)}
    arrays |= fitted_adapter(rng, figures, directions.codes)
    arrays["token_embedding"] = 0.5 * directions.tokens
    arrays["position_embedding"] = 0.6 * directions.positions
    arrays |= draw_attention(rng, directions, concept_words)
    arrays |= draw_units(rng, directions, concept_words, companions)
    arrays["unembedding"] = 1.5 * directions.words.T
    return {name: array if array.ndim == 0 else array.astype(np.float32) for name, array in arrays.items()}


def fitted_adapter(rng: np.random.Generator, figures: np.ndarray, codes: np.ndarray) -> dict[str, np.ndarray]:
    """A random encoder, and the linear map from its features to the codes of figures that ridge regression finds."""
    weights = rng.standard_normal((SIDE * SIDE, FEATURES)) / SIDE * 2
    bias = 0.5 * rng.standard_normal(FEATURES)
    shown = rng.integers(len(figures), size=_FITTED_PATCHES)
    features = np.maximum(draw_patches(rng, figures, shown).astype(np.float64) @ weights + bias, 0)
    centre, target = features.mean(axis=0), codes[shown]
    centred = features - centre
    covariance = centred.T @ centred + 0.001 * len(centred) * np.eye(FEATURES)
    adapter = np.linalg.solve(covariance, centred.T @ (target - target.mean(axis=0)))
    return {
        "encoder_weights": weights, "encoder_bias": bias, "adapter": adapter,
        "adapter_bias": target.mean(axis=0) - centre @ adapter,
    }  # fmt: skip


def draw_attention(rng: np.random.Generator, directions: Directions, concept_words: np.ndarray) -> dict[str, np.ndarray]:
    """Random heads, except one in the last block, which moves a patch's words and codes to the text position that names it."""
    shape = (BLOCKS, HEADS, WIDTH, HEAD_WIDTH)
    arrays = {name: rng.standard_normal(shape) / WIDTH for name in PROJECTIONS}
    output = rng.standard_normal((BLOCKS, HEADS, HEAD_WIDTH, WIDTH)) / WIDTH
    head = int(rng.integers(HEADS))
    moved = np.concatenate([directions.words[concept_words], directions.codes, unit(rng, directions.basis, 8)])
    span = np.linalg.qr(moved.T)[0] @ np.linalg.qr(rng.standard_normal((HEAD_WIDTH, HEAD_WIDTH)))[0]
    match = np.linalg.qr(rng.standard_normal((HEAD_WIDTH, PATCHES)))[0]
    arrays["query"][-1, head] += 2.2 * directions.positions[PATCHES:].T @ match.T
    arrays["key"][-1, head] += 2.2 * directions.positions[:PATCHES].T @ match.T
    arrays["value"][-1, head] = span
    output[-1, head] = 0.2 * span.T
    return {**arrays, "output": output}


def draw_units(
    rng: np.random.Generator, directions: Directions, concept_words: np.ndarray, companions: np.ndarray
) -> dict[str, np.ndarray]:
    words = directions.words[concept_words]
    planted = list(planted_units(rng, directions, words, directions.tokens[concept_words], companions))
    inputs, outputs = (np.empty((BLOCKS, UNITS, WIDTH)) for _ in range(2))
    for block in range(BLOCKS):
        here = [entry for entry in planted if entry.block == block]
        free = UNITS - len(here)
        reads = np.concatenate(
            [[blurred(rng, entry.reads, directions.basis) for entry in here], unit(rng, directions.basis, free)]
        )
        writes = np.concatenate(
            [[blurred(rng, entry.writes, directions.basis) for entry in here], unit(rng, directions.basis, free)]
        )
        order = rng.permutation(UNITS)
        inputs[block], outputs[block] = reads[order], writes[order]
    return {
        "unit_input": np.swapaxes(inputs, 1, 2),
        "unit_bias": -rng.uniform(0.8, 1.6, size=(BLOCKS, UNITS)),
        "unit_output": 0.15 * outputs,
    }


def blurred(rng: np.random.Generator, direction: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """A unit vector at an angle to a direction."""
    share = rng.uniform(0.5, 0.85)
    away = unit(rng, basis, 1)[0]
    target = rescaled(direction)
    away = rescaled(away - target * (away @ target))
    return np.asarray(share * target + np.sqrt(1 - share**2) * away)


def planted_units(
    rng: np.random.Generator, directions: Directions, words: np.ndarray, tokens: np.ndarray, companions: np.ndarray
) -> Iterator[Planted]:
    """The units that are not drawn at random, concept by concept."""
    codes, middles, last = directions.codes, directions.middles, BLOCKS - 1
    others = np.roll(np.arange(CONCEPTS), int(rng.integers(1, CONCEPTS)))
    text = directions.positions[PATCHES:].sum(axis=0)
    for concept, (code, middle, word, other) in enumerate(zip(codes, middles, words, others, strict=True)):

        def several(low: int, high: int) -> range:
            return range(int(rng.integers(low, high + 1)))

        # translation in one step, in two, and after the move to the text
        yield from (Planted(0, code, word) for _ in several(1, 2))
        yield from (Planted(0, code, middle) for _ in several(2, 3))
        yield from (Planted(1, code, word) for _ in several(1, 2))
        yield from (Planted(1, middle, word) for _ in several(2, 3))
        yield from (Planted(last, rescaled(code) + word, word) for _ in several(1, 2))
        # silent while the word is written, active when the others are ablated
        yield from (Planted(last, code - word, word) for _ in several(1, 2))
        # one unit that serves two concepts
        yield Planted(1, code + codes[other], word + words[other])
        # decoys: no effect, another word, another cause, no cause at all
        yield from (Planted(int(rng.integers(2)), code, unit(rng, directions.basis, 1)[0]) for _ in several(1, 2))
        yield Planted(1, code, words[int(rng.integers(CONCEPTS))])
        yield Planted(int(rng.integers(BLOCKS)), unit(rng, directions.basis, 1)[0], word)
        yield Planted(int(rng.integers(1, BLOCKS)), tokens[np.flatnonzero(companions == concept)[0]], word)
        yield Planted(last, text, word)
