"""Batches are graded by the share of the accuracy gap that they let the learner close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from grading import Column, Grader, Integer, InvalidSubmission

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


@dataclass(frozen=True)
class UsefulItem(Column):
    """The number of a pool item that is not already labelled and that no other row of the task lists.

    Attributes:
        tasks: name of the task of each row, in the order of the ids.
        seeds: the already labelled items by task name.
    """

    tasks: tuple[str, ...]
    seeds: Mapping[str, np.ndarray]

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        items = Integer(0, POOL - 1).parse(cells, ids)
        rows = pd.DataFrame({"task": self.tasks, "item": items})
        _refuse(rows[rows.duplicated()], "listed twice")
        labelled = pd.concat([pd.DataFrame({"task": name, "item": seeds}) for name, seeds in self.seeds.items()])
        _refuse(rows.merge(labelled.drop_duplicates()), "already labelled")
        return items

    def refused_cells(self) -> Mapping[str, Any]:
        return {**Integer(0, POOL - 1).refused_cells(), "already labelled": str(self.seeds[self.tasks[0]][0])}


def _refuse(useless: pd.DataFrame, what: str) -> None:
    if len(useless):
        first = useless.iloc[0]
        raise InvalidSubmission(
            f"column `item`: {len(useless):,} items are {what}, the first is {first['item']} in {first['task']}"
        )


def seeds_of_tasks(answers: pd.DataFrame) -> pd.DataFrame:
    """The task of each row and its initially labelled items, which are public."""
    return answers[["row_id", "name"]].assign(seeds=[task.seeds for task in answers["task"]])


def useful_items(known: pd.DataFrame) -> dict[str, Column]:
    first = known.drop_duplicates("name")
    return {"item": UsefulItem(tuple(known["name"]), dict(zip(first["name"], first["seeds"], strict=True)))}


def gap_closed(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Accuracy gained over the seeds, summed over tasks, divided by the gain from labelling the whole pools.

    Sums, not a mean of ratios: in some tasks the whole pool gains next to nothing.
    """
    rows = answers.assign(chosen=submission["item"].to_numpy())
    won = possible = 0.0
    for _, batch in rows.groupby("name"):
        task: Task = batch["task"].iloc[0]
        won += task.accuracy(batch["chosen"].to_numpy()) - task.seed_accuracy
        possible += task.full_accuracy - task.seed_accuracy
    return won / possible


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


grader = Grader(id="row_id", public=seeds_of_tasks, columns=useful_items, table_metric=gap_closed, read_answers=read_answers)
