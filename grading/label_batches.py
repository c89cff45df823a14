"""Submissions of batches: which pool items are to be labelled, judged by what a fixed learner makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax

from grading.columns import Integer
from grading.grader import Grader
from grading.submission import InvalidSubmission

BUDGET = 100
"""Items in a batch."""
_RIDGE = 1.0
_STEPS = 40


def fit_softmax(features: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Multinomial logistic regression, Σ log-loss + ½·Σ weights², by a fixed number of steps of a bounded Newton method.

    The Hessian is replaced by its bound ½·(I − 1/C) ⊗ XᵀX (Böhning, 1992), so that every step improves the fit and the result
    does not hang on an optimiser's version.

    Args:
        features: shape (n, d).
        labels: 0 to classes − 1, shape (n,).
        classes: C.

    Returns:
        Weights of shape (d, classes).
    """
    n, d = features.shape
    targets = np.zeros((n, classes))
    targets[np.arange(n), labels] = 1
    gram = 0.5 * features.T @ features + _RIDGE * np.eye(d)
    inverse = np.linalg.inv(gram)
    weights = momentum = np.zeros((d, classes))
    for step in range(1, _STEPS + 1):
        gradient = features.T @ (softmax(features @ momentum, axis=1) - targets) + _RIDGE * momentum
        following = momentum - inverse @ gradient
        # Nesterov's extrapolation: the bound alone converges slowly
        momentum = following + (step - 1) / (step + 2) * (following - weights)
        weights = following
    return weights


def random_features(x: np.ndarray, projection: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """ReLU features and a constant, shape (n, features + 1).

    Args:
        x: inputs, shape (n, inputs).
        projection: shape (inputs, features).
        offset: shape (features,).
    """
    hidden = np.maximum(x.astype(np.float64) @ projection + offset, 0) / np.sqrt(projection.shape[1] / 10)
    return np.column_stack([hidden, np.ones(len(x))])


def accuracy_of(
    features: np.ndarray, labels: np.ndarray, test_features: np.ndarray, test_labels: np.ndarray, classes: int
) -> float:
    """Share of test items that the learner gets right."""
    weights = fit_softmax(features, labels, classes)
    return float(np.mean((test_features @ weights).argmax(axis=1) == test_labels))


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


def batch_grader(pool: int) -> Grader:
    """Grades batches by the share of the accuracy gap that they close.

    Args:
        pool: items in a task's pool.
    """
    return Grader(id="row_id", columns={"item": Integer(0, pool - 1)}, score=gap_closed, read_answers=read_answers)


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
