from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv

from .descriptions import activations, description_table
from .neurons import KINDS, draw_concepts, draw_neuron, draw_vectors
from .words import WORDS

NEURONS = 180
SHOWN_WORDS = 700
EXAMPLES = 10
"""Shown words of each sort: active ones, inactive ones near them, and any others."""
NOISE = 0.05


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    space = draw_concepts(edition.rng("concepts"))
    vectors = draw_vectors(edition.rng("vectors"), space, len(WORDS))
    words = np.array(WORDS)[edition.rng("words").permutation(len(WORDS))]
    shown, hidden = vectors[:SHOWN_WORDS], vectors[SHOWN_WORDS:]
    # the position of a neuron in the list would reveal its kind
    kinds = edition.rng("order").permutation(np.arange(NEURONS) % len(KINDS))
    drawn = [draw_neuron(edition.rng(f"neuron {n}"), space, vectors, KINDS[kind]) for n, kind in enumerate(kinds)]
    descriptions = np.stack(drawn)

    rows = []
    for number, true in enumerate(activations(descriptions, shown)):
        rng = edition.rng(f"examples {number}")
        chosen = choose_examples(rng, true, shown)
        observed = np.clip(true[chosen] + NOISE * rng.standard_normal(len(chosen)), 0, 1).round(3)
        rows.append(pd.DataFrame({"neuron": f"n{number:03d}", "word": words[chosen], "activation": observed}))
    write_csv(pd.concat(rows), public / "observations.csv")
    np.savez(public / "words.npz", words=words[:SHOWN_WORDS], vectors=shown)
    np.savez(private / "words.npz", words=words[SHOWN_WORDS:], vectors=hidden)
    write_csv(description_table(descriptions), private / "answers.csv")
    write_csv(description_table(np.zeros_like(descriptions)), public / "sample_submission.csv")


def choose_examples(rng: np.random.Generator, true: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Words to show for a neuron: active ones, inactive ones near them, and others, in random order."""
    active = rng.permutation(np.flatnonzero(true > 0.5))[:EXAMPLES]
    silent = np.flatnonzero(true <= 0.5)
    likeness = (vectors[silent] @ vectors[active].T).max(axis=1)
    near = silent[np.argsort(-likeness, kind="stable")[:EXAMPLES]]
    others = np.setdiff1d(np.arange(len(true)), [*active, *near])
    return rng.permutation(np.concatenate([active, near, rng.choice(others, EXAMPLES, replace=False)]))
