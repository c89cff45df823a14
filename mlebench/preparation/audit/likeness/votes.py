"""What the answers of training twins say about test rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.clue import Guess
from mlebench.preparation.audit.truth import Target, Truth


def guesses_of(
    truth: Truth, rows: Sequence[np.ndarray], twins: np.ndarray, labels: Mapping[str, np.ndarray]
) -> tuple[Guess, ...]:
    """What the training twins of things say about the test rows that these belong to.

    Args:
        truth: the answers' form.
        rows: the test rows of each thing.
        twins: shape (pairs,), int: the thing of each pair.
        labels: by target, shape (pairs,), object: the answer of the training twin of each pair, None if it is unknown.

    Returns:
        For each target of which anything is told, the value that most twins of a row have, or the mean of numbers.
    """
    made = []
    for target in truth.targets:
        told = _told(target, truth.rows, rows, twins, labels[target.name])
        if (guess := Guess(target.name, told)).told.any():
            made.append(guess)
    return tuple(made)


def _told(target: Target, count: int, rows: Sequence[np.ndarray], twins: np.ndarray, labels: np.ndarray) -> np.ndarray:
    said: dict[int, list[object]] = {}
    for twin, label in zip(twins.tolist(), labels, strict=True):
        if label is not None:
            for row in rows[twin].tolist():
                said.setdefault(row, []).append(label)
    if target.kind == "number":
        numbers = np.full(count, np.nan)
        for row, values in said.items():
            numbers[row] = np.mean([float(str(value)) for value in values])
        return numbers
    names = np.full(count, None, dtype=object)
    for row, values in said.items():
        names[row] = Counter(str(value) for value in values).most_common(1)[0][0]
    return names


def told_rows(rows: Sequence[np.ndarray], twins: np.ndarray) -> int:
    """How many test rows have a twin."""
    units = np.unique(twins)
    return len(np.unique(np.concatenate([rows[unit] for unit in units]))) if len(units) else 0


def labels_of_paths(case: Case, paths: Sequence[str]) -> dict[str, np.ndarray]:
    """By target, shape (paths,), object: the answers of training files, None if they are unknown."""
    found = {}
    for target in case.truth.targets:
        labels = np.full(len(paths), None, dtype=object)
        labels[:] = [case.labels.value(target.name, path) for path in paths]
        found[target.name] = labels
    return found
