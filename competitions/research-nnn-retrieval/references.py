from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from . import retrieval

Method = Callable[[np.ndarray, np.ndarray], np.ndarray]


def uncorrected(scores: np.ndarray, bank: np.ndarray) -> np.ndarray:
    return scores


METHODS: dict[str, Method] = {
    "no correction": uncorrected,
    "mean of all bank scores, alpha 1": partial(retrieval.normalised, k=10_000, alpha=1.0),
    "NNN, k 1, alpha 0.75": partial(retrieval.normalised, k=1, alpha=0.75),
    "NNN, k 8, alpha 0.75": partial(retrieval.normalised, k=8, alpha=0.75),
    "NNN, k 32, alpha 0.75": partial(retrieval.normalised, k=32, alpha=0.75),
    "NNN, k 128, alpha 0.5": partial(retrieval.normalised, k=128, alpha=0.5),
    "NNN, k 128, alpha 0.75": partial(retrieval.normalised, k=128, alpha=0.75),
    "NNN, k 512, alpha 1": partial(retrieval.normalised, k=512, alpha=1.0),
    "inverted softmax, beta 10": partial(retrieval.inverted_softmax, beta=10.0),
    "standardised per item": retrieval.standardised,
    "CSLS, k 10": partial(retrieval.locally_scaled, k=10),
}


def distribution_normalised(vectors: Mapping[str, np.ndarray]) -> np.ndarray:
    queries = vectors["queries"] - 0.5 * vectors["bank"].mean(axis=0)
    gallery = vectors["gallery"] - 0.5 * vectors["development_gallery"].mean(axis=0)
    return queries @ gallery.T


def mapped_by_ridge(vectors: Mapping[str, np.ndarray]) -> np.ndarray:
    x, y = vectors["development_queries"], vectors["development_gallery"][vectors["development_items"]]
    matrix = np.linalg.solve(x.T @ x + 10.0 * np.eye(x.shape[1]), x.T @ y)
    return retrieval.unit(vectors["queries"] @ matrix) @ vectors["gallery"].T


def whitened(vectors: Mapping[str, np.ndarray], *, k: int | None) -> np.ndarray:
    mean, matrix = retrieval.whitening(vectors["bank"], ridge=0.3)
    queries, bank = (retrieval.unit((vectors[name] - mean) @ matrix) for name in ("queries", "bank"))
    gallery = retrieval.unit((vectors["gallery"] - vectors["gallery"].mean(axis=0)) @ matrix)
    scores = queries @ gallery.T
    return scores if k is None else retrieval.normalised(scores, bank @ gallery.T, k=k, alpha=1.0)


OF_VECTORS: dict[str, Callable[[Mapping[str, np.ndarray]], np.ndarray]] = {
    "distribution normalisation, lambda 0.5": distribution_normalised,
    "ridge map from queries to items": mapped_by_ridge,
    "whitened by the bank": partial(whitened, k=None),
    "whitened by the bank, then NNN, k 512, alpha 1": partial(whitened, k=512),
}


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as arrays:
        return dict(arrays)


def references(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    sample = pd.read_csv(public / "sample_submission.csv")
    vectors = [read_arrays(public / f"{name}.npz") for name in sample["query_id"].str[0].unique()]
    products = [(entry["queries"] @ entry["gallery"].T, entry["bank"] @ entry["gallery"].T) for entry in vectors]
    for name, method in METHODS.items():
        yield name, sample.assign(item=np.concatenate([method(*scores).argmax(axis=1) for scores in products]))
    for name, of_vectors in OF_VECTORS.items():
        yield name, sample.assign(item=np.concatenate([of_vectors(entry).argmax(axis=1) for entry in vectors]))
