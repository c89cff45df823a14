"""Grades batches by the share of the accuracy gap that they help the learner close."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from grading import Grader
from grading.batches import gap_closed, seeds_of_tasks, useful_items

from .learner import accuracy_of, random_features
from .sizes import POOL


@dataclass(frozen=True)
class Task:
    """One task with its private parts."""

    pool: np.ndarray
    """Features of the pool, shape (n, d)."""
    labels: np.ndarray
    seeds: np.ndarray
    """Pool items that are already labelled."""
    test: np.ndarray
    test_labels: np.ndarray
    classes: int
    seed_accuracy: float
    full_accuracy: float

    def accuracy(self, batch: np.ndarray) -> float:
        """Accuracy of the learner trained on the seeds and the batch."""
        rows = np.concatenate([self.seeds, batch])
        return accuracy_of(self.pool[rows], self.labels[rows], self.test, self.test_labels, self.classes)


def read_answers(path: Path) -> pd.DataFrame:
    """The table of rows with a good batch, and the tasks, from `tasks.npz` next to it."""
    table = pd.read_csv(path)
    with np.load(path.parent / "tasks.npz") as arrays:
        tasks = {name: _task(arrays, name) for name in table["name"].unique()}
    return table.assign(task=table["name"].map(tasks))


def _task(arrays: np.lib.npyio.NpzFile, name: str) -> Task:
    projection, offset = arrays["projection"], arrays["offset"]
    seed_accuracy, full_accuracy = arrays[f"{name}_accuracies"]
    return Task(
        pool=random_features(arrays[f"{name}_pool"], projection, offset),
        labels=arrays[f"{name}_labels"],
        seeds=arrays[f"{name}_seeds"],
        test=random_features(arrays[f"{name}_test"], projection, offset),
        test_labels=arrays[f"{name}_test_labels"],
        classes=int(arrays["classes"]),
        seed_accuracy=float(seed_accuracy),
        full_accuracy=float(full_accuracy),
    )


grader = Grader(
    id="row_id",
    public=seeds_of_tasks,
    columns=partial(useful_items, pool=POOL),
    table_metric=gap_closed,
    read_answers=read_answers,
)
