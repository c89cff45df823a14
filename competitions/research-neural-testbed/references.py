from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.research import binary_methods as methods
from mlebench.research.binary_problems import submissions

METHODS = {
    "constant 0.5": methods.constant,
    "samples of the prior, data ignored": methods.prior_samples,
    "prior samples resampled by their likelihood, 300 draws": methods.weighted_prior_samples,
    "3 nearest neighbours": partial(methods.neighbours, k=3),
    "20 nearest neighbours": partial(methods.neighbours, k=20),
    "logistic regression": methods.logistic_regression,
    "logistic regression, Laplace samples": partial(methods.logistic_regression, sampled=True),
    "Gaussian process, squared exponential kernel, Laplace samples": methods.smooth_process,
    "Gaussian process, network kernel, mean": partial(methods.network_process, sampled=False),
    "Gaussian process, network kernel, Laplace samples": methods.network_process,
}


def references(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    yield from submissions(public, METHODS, rng)
