from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from . import shift_methods as methods
from .sampled_classifiers import class_table


def references(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    ids = pd.read_csv(public / "sample_submission.csv")["row_id"]
    with np.load(public / "data.npz") as data:
        x, y, test = data["x_train"].astype(float), data["y_train"].astype(int), data["x_test"].astype(float)
    _, mahalanobis = methods.discriminant(x, y, test)
    shares, distance = methods.neighbours(x, y, test)
    networks = {
        "one network 50-50": methods.ensemble(x, y, test, rng, members=1),
        "one network 50-50, temperature 2": methods.ensemble(x, y, test, rng, members=1, temperature=2.0),
        "ensemble of 10 networks": methods.ensemble(x, y, test, rng),
        "ensemble of 10 networks with prior functions of scale 3": methods.ensemble(x, y, test, rng, prior_scale=3.0),
        "ensemble of 10 networks, trained on noisy and incomplete inputs, too": methods.ensemble(x, y, test, rng, augmented=True),
    }
    found = {
        "uniform": (np.full((len(ids), 1, shares.shape[2]), 1 / shares.shape[2]), np.zeros(len(ids))),
        "softmax regression, entropy": with_entropy(methods.linear(x, y, test)),
        "softmax regression, temperature 2, entropy": with_entropy(methods.linear(x, y, test, temperature=2.0)),
        "linear discriminant analysis, Mahalanobis distance": methods.discriminant(x, y, test),
        "20 nearest neighbours, distance": (shares, distance),
        "20 nearest neighbours, entropy": with_entropy(shares),
        "random forest, ten trees a function, entropy": with_entropy(methods.forest(x, y, test, rng)),
        **{f"{name}, entropy": with_entropy(probabilities) for name, probabilities in networks.items()},
        "ensemble of 10 networks, Mahalanobis distance": (networks["ensemble of 10 networks"], mahalanobis),
    }
    for name, (probabilities, unknown) in found.items():
        yield name, class_table(ids, probabilities, unknown)


def with_entropy(probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return probabilities, methods.entropy(probabilities)
