from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.research import batch_selection as shared

from . import text_selection as methods
from .sizes import BUDGET

SELECTORS: dict[str, methods.Selector] = {
    "random texts": shared.by_score(shared.at_random),
    "longest texts": shared.by_score(methods.length),
    "rarest words": shared.by_score(methods.rare_words),
    "entropy": shared.by_score(shared.entropy),
    "margin": shared.by_score(shared.margin),
    "BALD, 15 bootstrapped learners": shared.by_score(shared.disagreement),
    "entropy times density": shared.by_score(methods.density_weighted_entropy),
    "entropy times distance from the batch": shared.spread_out(shared.entropy),
    "BALD, 20 posterior samples": shared.by_score(methods.posterior_disagreement),
    "BALD, 20 posterior samples, times distance from the batch": shared.spread_out(methods.posterior_disagreement),
    "variance, 20 posterior samples": shared.by_score(methods.posterior_variance),
    "rarest words times distance from the batch": shared.spread_out(methods.rare_words),
    "k-centre greedy, latent semantic analysis": shared.k_centre,
    "k-centre greedy in the learner's features": partial(shared.k_centre, in_features=True),
    "k-means centres, latent semantic analysis": shared.k_means,
    "equal shares of 40 clusters": shared.cluster_shares,
    "cluster-margin": shared.cluster_margin,
    "k-means++ of gradients (BADGE)": shared.gradient_spread,
    "greedy D-optimal design": shared.optimal_design,
    "word coverage": methods.word_coverage,
}


def references(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    yield from batches(public, SELECTORS, rng)


def batches(
    public: Path, selectors: Mapping[str, methods.Selector], rng: np.random.Generator
) -> Iterator[tuple[str, pd.DataFrame]]:
    """What each method chooses."""
    sample = pd.read_csv(public / "sample_submission.csv")
    tasks = methods.read_tasks(public)
    names = sample["row_id"].str[:3].unique()
    for method, select in selectors.items():
        yield method, sample.assign(item=np.concatenate([select(tasks[name], BUDGET, rng) for name in names]))
