from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from . import belief_methods as methods
from .belief_methods import DECLINING, GREEDY, NETWORK, SMOOTH, Model
from .beliefs import STAGES

ONE, TWO = (1.0,) * STAGES, (2.0,) * STAGES


def beliefs(fitted: np.ndarray) -> dict[str, tuple[Model, tuple[float, ...]]]:
    """Models and widths by name; `fitted` are the features' relevances as fitted to the logs."""
    network, informed = methods.from_kernel(NETWORK), methods.from_kernel(NETWORK, fitted)
    return {
        "Gaussian process, network kernel, means alone": (methods.certain(network), GREEDY),
        "independent cells, width 1": (methods.independent, ONE),
        "linear regression, width 1": (methods.linear, ONE),
        "bilinear regression, width 1": (methods.bilinear, ONE),
        "Gaussian process, squared exponential kernel, width 1": (methods.from_kernel(SMOOTH), ONE),
        "Gaussian process, network kernel, marginals alone, width 1": (methods.marginal(network), ONE),
        "Gaussian process, network kernel, width 0": (network, GREEDY),
        "Gaussian process, network kernel, width 1": (network, ONE),
        "Gaussian process, network kernel, width 2": (network, TWO),
        "Gaussian process, network kernel, log ignored, width 1": (methods.from_kernel(NETWORK, use_log=False), ONE),
        "Gaussian process, network kernel, widths declining": (network, DECLINING),
        "Gaussian process, network kernel, fitted relevances, width 1": (informed, ONE),
        "Gaussian process, network kernel, fitted relevances, widths declining": (informed, DECLINING),
        **{
            f"ensemble of {members} networks{' with prior functions' if priors else ''}, last layers fitted, width 1": (
                methods.random_feature_ensemble(members=members, priors=priors), ONE,
            )
            for members in (16, 200) for priors in (False, True)
        },
    }  # fmt: skip


def references(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "every cell alike, certain: plays at random", pd.read_csv(public / "sample_submission.csv")
    bandits = list(methods.read_bandits(public))
    fitted = methods.fitted_relevances(bandits, NETWORK)
    for name, (model, widths) in beliefs(fitted).items():
        yield name, methods.submitted(bandits, model, widths, rng)
