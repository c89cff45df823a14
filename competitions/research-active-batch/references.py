from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.research import batch_selection as shared

from . import batch_selection as methods
from .sizes import BUDGET

SELECTORS: dict[str, shared.Selector] = {
    "random items": shared.by_score(shared.at_random),
    "entropy": shared.by_score(shared.entropy),
    "margin": shared.by_score(shared.margin),
    "BALD, 15 bootstrapped learners": shared.by_score(shared.disagreement),
    "nearest to the origin": shared.by_score(methods.central),
    "k-centre greedy": shared.k_centre,
    "k-centre greedy in the learner's features": partial(shared.k_centre, in_features=True),
    "k-means centres of the pool": shared.k_means,
    "k-means centres of the test law": methods.k_means_of_test_law,
    "greedy D-optimal design": shared.optimal_design,
    "greedy V-optimal design for the test law": partial(shared.optimal_design, weight=methods.test_weight),
    "variance, 15 bootstrapped learners": shared.by_score(shared.variance),
    "entropy times distance from the batch": shared.spread_out(shared.entropy),
    "equal shares of 40 clusters": shared.cluster_shares,
    "cluster-margin": shared.cluster_margin,
    "k-means++ of gradients (BADGE)": shared.gradient_spread,
}


def references(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    yield from batches(public, SELECTORS, rng)


def batches(
    public: Path, selectors: Mapping[str, shared.Selector], rng: np.random.Generator
) -> Iterator[tuple[str, pd.DataFrame]]:
    """What each method chooses."""
    sample = pd.read_csv(public / "sample_submission.csv")
    with np.load(public / "tasks.npz") as arrays:
        tasks = [methods.read_task(arrays, name) for name in sample["row_id"].str[:3].unique()]
    for name, select in selectors.items():
        yield name, sample.assign(item=np.concatenate([select(task, BUDGET, rng) for task in tasks]))
