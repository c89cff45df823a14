"""Partly correct submissions: perfect ones with noise in every column, suited to its type."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from grading import Boolean, Column, Grader, Integer, IntegerList, Label, Probability, Real, RunLengths
from grading.objects import ObjectList

WRONG = 0.2
"""The share of wrong cells in columns whose cells are either right or wrong."""


def noisy_submission(grader: Grader, answers: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A valid submission that scores between the worst and the best.

    Args:
        answers: as the grader reads them.
    """
    perfect = grader.perfect_submission(answers).reset_index(drop=True)
    columns = grader.columns_of(answers)
    noisy = {name: _noisy(kind, perfect[name], rng) for name, kind in columns.items()}
    if grader.rows is not None and all(isinstance(kind, Probability) for kind in columns.values()):
        table = np.column_stack(list(noisy.values()))
        noisy = dict(zip(noisy, (table / table.sum(axis=1, keepdims=True)).T, strict=True))
    return perfect.assign(**noisy)


def _noisy(kind: Column, cells: pd.Series, rng: np.random.Generator) -> pd.Series | np.ndarray:
    if isinstance(kind, Probability):
        truth = cells.to_numpy(dtype=float)
        noisy = 0.4 * truth + 0.6 * rng.random(len(cells))
        # with few rows, noise alone may leave all in the right order
        ends = [truth.argmin(), truth.argmax()]
        noisy[ends] = noisy[ends[::-1]]
        return noisy
    if isinstance(kind, Real):
        numbers = cells.to_numpy(dtype=float)
        return np.clip(numbers + rng.normal(0, np.nanstd(numbers) or 1.0, len(numbers)), kind.minimum, kind.maximum)
    if isinstance(kind, Boolean):
        truths = cells.astype(str).str.lower().isin(("true", "1", "1.0")).to_numpy()
        return truths ^ (rng.random(len(cells)) < WRONG)
    if isinstance(kind, RunLengths):
        return _mapped(cells, lambda cell: _fewer_runs(cell, kind.empty_word, rng))
    if isinstance(kind, ObjectList):
        return _noisy_objects(kind, cells, rng)
    if type(kind).__name__ == "CellOrder":
        return _mapped(cells, lambda cell: _moved_words(cell, rng))
    return _exchanged(cells, rng) if isinstance(kind, Integer | IntegerList | Label) else _exchanged(cells.fillna(""), rng)


def _mapped(cells: pd.Series, change: Callable[[str], str]) -> pd.Series:
    return cells.fillna("").astype(str).map(change)


def _exchanged(cells: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Replace some cells with those of other rows."""
    rows = np.arange(len(cells))
    wrong = rng.random(len(cells)) < WRONG
    rows[wrong] = rng.integers(0, len(cells), wrong.sum())
    return cells.iloc[rows].reset_index(drop=True)


def _moved_words(cell: str, rng: np.random.Generator) -> str:
    words = cell.split()
    places = np.argsort(np.arange(len(words)) + rng.normal(0, 2, len(words)))
    return " ".join(words[place] for place in places)


def _fewer_runs(cell: str, empty_word: str, rng: np.random.Generator) -> str:
    """Shorten the runs and drop some of them."""
    if cell == empty_word:
        return cell
    runs = np.array(cell.split(), dtype=np.int64).reshape(-1, 2)
    runs = runs[(rng.random(len(runs)) > WRONG) | (np.arange(len(runs)) == 0)]
    runs[:, 1] = np.maximum(1, (runs[:, 1] * 0.8).astype(np.int64))
    return " ".join(map(str, runs.ravel().tolist()))


def _noisy_objects(kind: ObjectList, cells: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Move objects slightly, relabel some, drop some, and give each its own confidence."""
    fields = list(kind.fields)
    texts = cells.fillna("").astype(str)
    words = [text.split() for text in texts]
    name = fields.index(next(field for field in fields if field in ("label", "class_id", "class_name")))
    names = sorted({word for row in words for word in row[name :: len(fields)]})

    def change(text: str) -> str:
        objects = [text.split()[start : start + len(fields)] for start in range(0, len(text.split()), len(fields))]
        changed = [_moved(dict(zip(fields, each, strict=True)), fields[name], names, rng) for each in objects]
        kept = [each for number, each in enumerate(changed) if number == 0 or rng.random() > WRONG]
        return " ".join(" ".join(each[field] for field in fields) for each in kept)

    return texts.map(change)


def _moved(fields: Mapping[str, str], name: str, names: list[str], rng: np.random.Generator) -> dict[str, str]:
    moved = {}
    for field, word in fields.items():
        if field == name:
            moved[field] = names[rng.integers(len(names))] if rng.random() < WRONG / 2 else word
        elif field == "confidence":
            moved[field] = f"{rng.random():.6f}"
        elif field.startswith(("width", "length", "height")):
            moved[field] = f"{float(word) * rng.uniform(0.9, 1.1):.4f}"
        else:
            moved[field] = f"{float(word) + rng.normal(0, 0.1 if field.startswith(('center', 'yaw')) else 5):.4f}"
    return moved
