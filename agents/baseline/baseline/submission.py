"""Writes predictions in the form of the sample submission."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from .task import Target, Task


def fill_in(sample: pd.DataFrame, task: Task, predictions: dict[str, np.ndarray]) -> pd.DataFrame:
    """The sample submission with its target columns replaced."""
    filled = sample.copy()
    for target in task.targets:
        predicted = _mean_by_place(predictions[target.name], task.places, len(sample))
        if target.kind == "regression":
            filled[target.columns[0]] = _within_range(predicted, task.train[target.name], sample[target.columns[0]])
        elif target.kind == "probability":
            filled[target.columns[0]] = predicted[:, 1]
        elif target.kind == "labels":
            filled[target.columns[0]] = np.array(_spelled(target, sample))[predicted.argmax(axis=1)]
        else:
            filled[target.columns] = _never_certain(predicted)
    if task.shares:
        columns = [target.columns[0] for target in task.targets]
        sums = filled[columns].sum(axis=1)
        shares = filled[columns].div(sums.replace(0, 1), axis=0).where(sums > 0, 1 / len(columns))
        filled[columns] = _never_certain(shares.to_numpy())
    return filled


def write(table: pd.DataFrame, target: Path) -> None:
    """Write atomically: a concurrent reader sees either the old file or the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    table.to_csv(partial, index=False)
    partial.replace(target)


def _mean_by_place(predicted: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    """For each row of the sample, the mean over its test rows."""
    total = np.zeros((count, *predicted.shape[1:]))
    np.add.at(total, places, predicted)
    rows = np.bincount(places, minlength=count)
    return (total.T / rows).T


def _never_certain(probabilities: np.ndarray) -> np.ndarray:
    """Spread a thousandth evenly, because log loss is unbounded for a confident wrong answer."""
    return 0.999 * probabilities + 0.001 / probabilities.shape[1]


def _within_range(predicted: np.ndarray, known: pd.Series, example: pd.Series) -> np.ndarray:
    clipped = np.clip(predicted, float(known.min()), float(known.max()))
    whole = bool((known.dropna() % 1 == 0).all()) and not example.str.contains(".", regex=False).any()
    return clipped.round().astype(int) if whole else clipped


def _spelled(target: Target, sample: pd.DataFrame) -> list[str]:
    """Class names as the sample writes them: a train column with gaps reads 1 as 1.0."""
    short = [name.removesuffix(".0") for name in target.classes]
    return short if set(sample[target.columns[0]]) <= set(short) else target.classes
