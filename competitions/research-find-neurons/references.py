from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from . import describers
from .concept_search import candidates, cluster_centres, dictionary, search
from .descriptions import description_table

DESCRIBERS: dict[str, describers.Describer] = {
    "constant": describers.constant,
    "random directions": describers.random_directions,
    "most active word": describers.most_active_word,
    "centroid of the active words": describers.centroid,
    "centroid of the active words less that of the others": describers.centroid_difference,
    "linear discriminant": describers.discriminant,
    "ridge regression": describers.ridge_regression,
    "logistic regression": describers.logistic,
    "two centroids": describers.two_centroids,
    "two centroids, fitted as either of two": describers.either_of_two,
    "centroid and exceptions, fitted together": describers.unless_another,
}


def one_cluster(seen: describers.Observations, rng: np.random.Generator) -> np.ndarray:
    return search(seen, candidates(cluster_centres(seen.table, rng), seen.table))


def one_concept(seen: describers.Observations, rng: np.random.Generator) -> np.ndarray:
    return search(seen, candidates(dictionary(seen.table, rng), seen.table))


def concept_with_exception(seen: describers.Observations, rng: np.random.Generator) -> np.ndarray:
    return search(seen, candidates(dictionary(seen.table, rng), seen.table), exceptions=True)


DESCRIBERS |= {
    "best of 40 clusters of words": one_cluster,
    "best concept of a sparse dictionary": one_concept,
    "best concept of a sparse dictionary, or one unless another": concept_with_exception,
}


def references(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    seen = describers.read_observations(public)
    for name, describe in DESCRIBERS.items():
        yield name, description_table(describe(seen, rng))
