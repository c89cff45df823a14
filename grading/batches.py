"""Batches of pool items to be labelled: one row per item, judged by what a fixed learner makes of their labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from grading.columns import Column, Integer
from grading.submission import InvalidSubmission


class Task(Protocol):
    """A pool with its private labels, and the learner's test."""

    @property
    def seeds(self) -> np.ndarray:
        """Pool items that are already labelled."""

    @property
    def seed_accuracy(self) -> float:
        """Of the learner trained on the seeds alone."""

    @property
    def full_accuracy(self) -> float:
        """Of the learner trained on the whole pool."""

    def accuracy(self, batch: np.ndarray) -> float:
        """Of the learner trained on the seeds and the batch."""


@dataclass(frozen=True)
class UsefulItem(Column):
    """The number of a pool item that is not already labelled and that no other row of the task lists.

    Attributes:
        pool: items in every task's pool.
        tasks: name of the task of each row, in the order of the ids.
        seeds: the already labelled items by task name.
    """

    pool: int
    tasks: tuple[str, ...]
    seeds: Mapping[str, np.ndarray]

    def parse(self, cells: pd.Series, ids: pd.Series) -> np.ndarray:
        items = Integer(0, self.pool - 1).parse(cells, ids)
        rows = pd.DataFrame({"task": self.tasks, "item": items})
        _refuse(rows[rows.duplicated()], "listed twice")
        labelled = pd.concat([pd.DataFrame({"task": name, "item": seeds}) for name, seeds in self.seeds.items()])
        _refuse(rows.merge(labelled.drop_duplicates()), "already labelled")
        return items

    def refused_cells(self) -> Mapping[str, Any]:
        return {**Integer(0, self.pool - 1).refused_cells(), "already labelled": str(self.seeds[self.tasks[0]][0])}


def _refuse(useless: pd.DataFrame, what: str) -> None:
    if len(useless):
        first = useless.iloc[0]
        raise InvalidSubmission(
            f"column `item`: {len(useless):,} items are {what}, the first is {first['item']} in {first['task']}"
        )


def seeds_of_tasks(answers: pd.DataFrame) -> pd.DataFrame:
    """The task of each row and its initially labelled items, which are public.

    Args:
        answers: `row_id`, `name` and `task`, the same `Task` on all rows of a name.
    """
    return answers[["row_id", "name"]].assign(seeds=[task.seeds for task in answers["task"]])


def useful_items(known: pd.DataFrame, pool: int) -> dict[str, Column]:
    """The column of a submission, from what is public of the answers."""
    first = known.drop_duplicates("name")
    return {"item": UsefulItem(pool, tuple(known["name"]), dict(zip(first["name"], first["seeds"], strict=True)))}


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
