"""Grades lists of units by how keeping and removing them affects the concept's output on private pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from grading import Grader

from .causal_gap import causal_gap
from .unit_lists import UNITS, RankedUnits

SIZES = (4, 8, 16)
"""Units per layer of the graded circuits: the first n of each list."""


@dataclass(frozen=True)
class Network:
    """One network with the private pictures on which its circuits are evaluated."""

    parameters: list[np.ndarray]
    means: list[np.ndarray]
    pictures: np.ndarray
    labels: np.ndarray

    def gap(self, circuit: list[np.ndarray], concept: int) -> float:
        """The causal gap of a circuit, averaged over sizes."""
        gaps = [
            causal_gap(
                self.parameters, self.pictures, self.labels[:, concept], self.means, [units[:size] for units in circuit], concept
            )
            for size in SIZES
        ]
        return float(np.mean(gaps))


def mean_causal_gap(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """`causal_gap` averaged over sizes, concepts and networks.

    Args:
        answers: `row_id`, `network` (a `Network`), `name`, `concept` (number of the output) and `layer`.
        submission: `row_id` and `units`, in the order of the answers.
    """
    lists = [np.array(cell.split(), dtype=int) for cell in submission["units"]]
    gaps = []
    for places in answers.groupby(["name", "concept"]).indices.values():
        ordered = sorted(places, key=lambda place: int(answers["layer"].iloc[place]))
        network: Network = answers["network"].iloc[ordered[0]]
        gaps.append(network.gap([lists[place] for place in ordered], int(answers["concept"].iloc[ordered[0]])))
    return float(np.mean(gaps))


def read_answers(path: Path) -> pd.DataFrame:
    """The table of lists with a good one for each, and the networks and private pictures, from `pictures.npz` next to it."""
    table = pd.read_csv(path, dtype={"units": str})
    with np.load(path.parent / "pictures.npz") as arrays:
        networks = {name: _network(dict(arrays), name) for name in table["name"].unique()}
    return table.assign(network=table["name"].map(networks))


def _network(arrays: Mapping[str, np.ndarray], name: str) -> Network:
    parameters = [arrays[key].astype(np.float64) for key in sorted(arrays) if key.startswith(f"{name}_parameter")]
    means = [arrays[key].astype(np.float64) for key in sorted(arrays) if key.startswith(f"{name}_mean")]
    return Network(parameters, means, arrays["pictures"].astype(np.float64), arrays["labels"])


grader = Grader(id="row_id", columns={"units": RankedUnits(UNITS)}, table_metric=mean_causal_gap, read_answers=read_answers)
