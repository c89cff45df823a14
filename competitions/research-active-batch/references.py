from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from . import batch_selection as methods
from .sizes import BUDGET

SELECTORS: dict[str, methods.Selector] = {
    "random items": methods.by_score(methods.at_random),
    "entropy": methods.by_score(methods.entropy),
    "margin": methods.by_score(methods.margin),
    "BALD, 15 bootstrapped learners": methods.by_score(methods.disagreement),
    "nearest to the origin": methods.by_score(methods.central),
    "k-centre greedy": methods.k_centre,
    "k-centre greedy in the learner's features": partial(methods.k_centre, in_features=True),
    "k-means centres of the pool": methods.k_means,
    "k-means centres of the test law": methods.k_means_of_test_law,
    "greedy D-optimal design": partial(methods.variance_reduction, test_law=False),
    "greedy V-optimal design for the test law": methods.variance_reduction,
}


def references(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    sample = pd.read_csv(public / "sample_submission.csv")
    with np.load(public / "tasks.npz") as arrays:
        tasks = [methods.PoolTask.read(arrays, name) for name in sample["row_id"].str[:3].unique()]
    for name, select in SELECTORS.items():
        yield name, sample.assign(item=np.concatenate([select(task, BUDGET, rng) for task in tasks]))
