"""Batches are graded by the share of the accuracy gap that the learner closes with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from grading import Grader, Integer, InvalidSubmission

from .learner import accuracy_of, random_features
from .sizes import POOL


@dataclass(frozen=True)
class Task:
    """One task with its private parts."""

    pool: np.ndarray
    """Features of the pool, shape (n, d)."""
    labels: np.ndarray
    seeds: np.ndarray
    """Pool items that are labelled already."""
    test: np.ndarray
    test_labels: np.ndarray
    classes: int
    seed_accuracy: float
    full_accuracy: float

    def accuracy(self, batch: np.ndarray) -> float:
        """Accuracy of the learner trained on the seeds and the batch."""
        rows = np.concatenate([self.seeds, batch])
        return accuracy_of(self.pool[rows], self.labels[rows], self.test, self.test_labels, self.classes)


def gap_closed(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Accuracy won over the seeds, summed over tasks, divided by what labelling the whole pools would win.

    Sums, not a mean of shares: in some tasks the whole pool wins next to nothing.

    Raises:
        InvalidSubmission: if a task's batch names an item twice, or one that is labelled already.
    """
    rows = answers.assign(chosen=submission["item"].to_numpy())
    _refuse_useless(rows)
    won = possible = 0.0
    for _, batch in rows.groupby("name"):
        task: Task = batch["task"].iloc[0]
        won += task.accuracy(batch["chosen"].to_numpy()) - task.seed_accuracy
        possible += task.full_accuracy - task.seed_accuracy
    return won / possible


def _refuse_useless(rows: pd.DataFrame) -> None:
    twice = rows.duplicated(["name", "chosen"])
    if twice.any():
        first = rows[twice].iloc[0]
        raise InvalidSubmission(
            f"column `item`: {twice.sum():,} items are named twice, the first is {first['chosen']} in {first['name']}"
        )
    known = np.array([chosen in task.seeds for chosen, task in zip(rows["chosen"], rows["task"], strict=True)], dtype=bool)
    if known.any():
        first = rows[known].iloc[0]
        raise InvalidSubmission(
            f"column `item`: {known.sum():,} items are labelled already, the first is {first['chosen']} in {first['name']}"
        )


def read_answers(path: Path) -> pd.DataFrame:
    """The table of rows with a good batch, and, from `tasks.npz` beside it, the tasks."""
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


grader = Grader(id="row_id", columns={"item": Integer(0, POOL - 1)}, table_metric=gap_closed, read_answers=read_answers)
