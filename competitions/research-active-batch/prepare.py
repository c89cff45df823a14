from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv
from mlebench.research.networks import draw_classes, draw_network

from .learner import accuracy_of, random_features
from .sizes import BUDGET, POOL

INPUTS, CLASSES, FEATURES = 20, 5, 150
SEEDS, TEST = 20, 2000
TEMPERATURES = (0.05, 0.15)
CLUSTERED = (0.5, 0.8)
DRAWS_PER_CELL = 5


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    learner = edition.rng("learner")
    projection = learner.standard_normal((INPUTS, FEATURES)) / np.sqrt(INPUTS)
    offset = 0.5 * learner.standard_normal(FEATURES)
    shown: dict[str, Any] = {"projection": projection, "offset": offset, "classes": np.array(CLASSES)}
    hidden = dict(shown)
    rows = []
    for number, (temperature, clustered, _) in enumerate(product(TEMPERATURES, CLUSTERED, range(DRAWS_PER_CELL))):
        name = f"t{number:02d}"
        task = draw_task(edition, name, temperature, clustered, projection, offset)
        shown |= {f"{name}_{part}": task[part] for part in ("pool", "seeds", "seed_labels")}
        hidden |= {f"{name}_{part}": array for part, array in task.items()}
        others = np.setdiff1d(np.arange(POOL), task["seeds"])
        rows += [(f"{name}-{place:02d}", name, item) for place, item in enumerate(others[:BUDGET])]

    np.savez(public / "tasks.npz", **shown)
    np.savez(private / "tasks.npz", **hidden)
    answers = pd.DataFrame(rows, columns=["row_id", "name", "item"])
    write_csv(answers, private / "answers.csv")
    write_csv(answers[["row_id", "item"]], public / "sample_submission.csv")


def draw_task(
    edition: Edition, name: str, temperature: float, clustered: float, projection: np.ndarray, offset: np.ndarray
) -> dict[str, np.ndarray]:
    network = draw_network(edition.rng(f"{name} function"), INPUTS, CLASSES)

    def labels_of(x: np.ndarray, purpose: str) -> np.ndarray:
        return draw_classes(network.class_probabilities(x, temperature), edition.rng(f"{name} {purpose}")).astype(np.int8)

    pool = draw_pool(edition.rng(f"{name} pool"), clustered)
    test = edition.rng(f"{name} test").standard_normal((TEST, INPUTS)).astype(np.float32)
    seeds = np.sort(edition.rng(f"{name} seeds").choice(POOL, SEEDS, replace=False))
    labels, test_labels = labels_of(pool, "labels"), labels_of(test, "test labels")
    features, test_features = random_features(pool, projection, offset), random_features(test, projection, offset)
    accuracies = [
        accuracy_of(features[rows], labels[rows], test_features, test_labels, CLASSES) for rows in (seeds, np.arange(POOL))
    ]
    return {
        "pool": pool, "seeds": seeds, "seed_labels": labels[seeds], "labels": labels, "test": test, "test_labels": test_labels,
        "accuracies": np.array(accuracies),
    }  # fmt: skip


def draw_pool(rng: np.random.Generator, clustered: float) -> np.ndarray:
    """Inputs, a share of them in three tight clusters, in random order."""
    in_cluster = round(clustered * POOL)
    centres = rng.standard_normal((3, INPUTS))
    near = centres[rng.integers(3, size=in_cluster)] + 0.3 * rng.standard_normal((in_cluster, INPUTS))
    anywhere = rng.standard_normal((POOL - in_cluster, INPUTS))
    return rng.permutation(np.concatenate([near, anywhere])).astype(np.float32)
