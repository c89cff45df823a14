"""Grades descriptions of neurons by their predictions for words that are not public."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from grading import Column, Grader, Real

from .descriptions import LARGEST, activations, agreement, read_descriptions, weight_columns


@dataclass(frozen=True)
class HiddenWords:
    """The vectors of the words that descriptions are tested on, shape (words, inputs)."""

    vectors: np.ndarray


def bounded_numbers() -> dict[str, Column]:
    """A number for each weight."""
    return {name: Real(-LARGEST, LARGEST) for name in weight_columns()}


def mean_agreement(answers: pd.DataFrame, submission: pd.DataFrame) -> float:
    """Correlation of described and true activations over the hidden words, averaged over neurons.

    Args:
        answers: `row_id`, the true description, and `hidden` (the `HiddenWords`, the same in every row).
        submission: the same columns, in the order of the answers.

    Returns:
        −1 to 1; 0 for constants, 1 for the true descriptions.
    """
    vectors = answers["hidden"].iloc[0].vectors
    truth, described = (activations(read_descriptions(table), vectors) for table in (answers, submission))
    return float(agreement(truth, described).mean())


def read_answers(path: Path) -> pd.DataFrame:
    """The true descriptions, and the vectors of the hidden words, from `words.npz` next to them."""
    table = pd.read_csv(path, float_precision="round_trip")
    with np.load(path.parent / "words.npz") as arrays:
        hidden = HiddenWords(arrays["vectors"].astype(np.float64))
    return table.assign(hidden=[hidden] * len(table))


grader = Grader(id="row_id", columns=bounded_numbers(), table_metric=mean_agreement, read_answers=read_answers)
