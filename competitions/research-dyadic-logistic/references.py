from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.research.binary_methods import constant
from mlebench.research.binary_problems import submissions

from . import logistic_methods as methods

METHODS = {
    "constant 0.5": constant,
    "samples of the prior, data ignored": methods.prior_samples,
    "posterior mode": methods.mode,
    "posterior mode, prior precision ×10": partial(methods.mode, prior=10.0),
    "hardly regularised fit, prior precision ×0.01": partial(methods.mode, prior=0.01),
    "Laplace approximation, full covariance": methods.laplace,
    "Laplace approximation, diagonal": partial(methods.laplace, diagonal=True),
    "ensemble of 25, random prior centres and exponential weights": methods.ensemble,
    "random-walk Metropolis, 100 chains of 50 steps from Laplace": partial(methods.metropolis, steps=50),
}


def references(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    yield from submissions(public, METHODS, rng)
