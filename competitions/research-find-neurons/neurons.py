"""Word vectors that share concepts, and neurons that respond to one concept, to either of two, or to one unless another.

After the entities of FIND: Schwettmann et al., "FIND: A Function Description Benchmark for Evaluating Interpretability Methods"
(2023). There a language model decides whether a word belongs to a concept; here a direction of the vectors does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .descriptions import GAIN, INPUTS, PARTS, SILENT, part_responses

FIELDS, CONCEPTS = 8, 40
KINDS = ("one concept", "either of two", "one unless another")
_WITHIN = {"one concept": 0.15, "either of two": 0.1, "one unless another": 0.2}
"""Share of the words within a concept, by kind of neuron."""
_EXCEPTED = 0.5
"""Share of a concept's words within the exception."""


@dataclass(frozen=True)
class ConceptSpace:
    """Directions of concepts, of unit length, shape (concepts, inputs); those of one field are similar."""

    directions: np.ndarray
    fields: np.ndarray
    """The field of each concept, shape (concepts,)."""


def draw_concepts(rng: np.random.Generator) -> ConceptSpace:
    """Concepts in fields of five."""
    fields = np.repeat(np.arange(FIELDS), CONCEPTS // FIELDS)
    centres = rng.standard_normal((FIELDS, INPUTS))
    directions = rng.standard_normal((CONCEPTS, INPUTS)) + 0.6 * centres[fields]
    return ConceptSpace(directions / np.linalg.norm(directions, axis=1, keepdims=True), fields)


def draw_vectors(rng: np.random.Generator, space: ConceptSpace, count: int) -> np.ndarray:
    """Vectors of unit length, float32, shape (count, inputs).

    Each is the sum of two to four concepts, often of one field, and noise.
    """
    field = rng.integers(FIELDS, size=(count, 1))
    liking = np.where(space.fields == field, 1.6, 0.0) + rng.gumbel(size=(count, CONCEPTS))
    rank = (-liking).argsort(axis=1).argsort(axis=1)
    has = rank < rng.integers(2, 5, size=(count, 1))
    vectors = (has * rng.uniform(0.6, 1.4, (count, CONCEPTS))) @ space.directions
    vectors += 0.6 / np.sqrt(INPUTS) * rng.standard_normal((count, INPUTS))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def draw_neuron(rng: np.random.Generator, space: ConceptSpace, vectors: np.ndarray, kind: str) -> np.ndarray:
    """The description of a neuron of one of the `KINDS`, shape (3, inputs + 1).

    A concept covers a fixed share of the words; an exception covers half of the concept's words and has another direction.
    """
    description = np.zeros((len(PARTS), INPUTS + 1))
    description[1:, -1] = SILENT
    concept = space.directions[int(rng.integers(CONCEPTS))]
    description[0] = _edge(concept, vectors, _WITHIN[kind])
    if kind == "one concept":
        return description
    unlike = np.flatnonzero(np.abs(space.directions @ concept) < 0.4)
    other = space.directions[int(rng.choice(unlike))]
    if kind == "either of two":
        description[1] = _edge(other, vectors, _WITHIN[kind])
    else:
        inside = vectors[part_responses(description[None], vectors)[0, 0] > 0.5]
        description[2] = _edge(other, inside, _EXCEPTED)
    return description


def _edge(direction: np.ndarray, vectors: np.ndarray, share: float) -> np.ndarray:
    """Weights and offset that respond to a share of the vectors."""
    edge = np.quantile(vectors.astype(np.float64) @ direction, 1 - share)
    return np.append(GAIN * direction, -GAIN * edge)
