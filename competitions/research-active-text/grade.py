"""Grades batches of texts by the share of the accuracy gap that they help the learner close, all classes weighing the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from grading import Grader
from grading.batches import gap_closed, seeds_of_tasks, useful_items

from .learner import accuracy_of
from .sizes import CLASSES, POOL
from .text_features import hashed_features


@dataclass(frozen=True)
class Task:
    """One task with its private parts."""

    pool: tuple[str, ...]
    labels: np.ndarray
    seeds: np.ndarray
    """Pool items that are already labelled."""
    test: np.ndarray
    """Features of the test texts, shape (n, d)."""
    test_labels: np.ndarray
    seed_accuracy: float
    full_accuracy: float

    def accuracy(self, batch: np.ndarray) -> float:
        """Accuracy of the learner trained on the seeds and the batch; the test set has equally many texts of every class."""
        rows = np.concatenate([self.seeds, batch])
        features = hashed_features(self.pool[row] for row in rows)
        return accuracy_of(features, self.labels[rows], self.test, self.test_labels, CLASSES)


def read_answers(path: Path) -> pd.DataFrame:
    """The table of rows with a good batch, and the tasks, from the files next to it."""
    table = pd.read_csv(path)
    pools, tests = (dict(iter(pd.read_csv(path.parent / f"{part}.csv").groupby("task"))) for part in ("pool", "test"))
    limits = pd.read_csv(path.parent / "limits.csv", float_precision="round_trip").set_index("task")
    tasks = {
        name: Task(
            pool=tuple(pool["text"]),
            labels=pool["label"].to_numpy(),
            seeds=pool.loc[pool["seed"], "item"].to_numpy(),
            test=hashed_features(tests[name]["text"]),
            test_labels=tests[name]["label"].to_numpy(),
            seed_accuracy=float(limits.loc[name, "seed_accuracy"]),
            full_accuracy=float(limits.loc[name, "full_accuracy"]),
        )
        for name, pool in pools.items()
    }
    return table.assign(task=table["name"].map(tasks))


grader = Grader(
    id="row_id",
    public=seeds_of_tasks,
    columns=partial(useful_items, pool=POOL),
    table_metric=gap_closed,
    read_answers=read_answers,
)
