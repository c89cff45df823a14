"""Edit distances: the smallest number of insertions, deletions and substitutions that turn one sequence into another.

Definition: V. I. Levenshtein, Binary codes capable of correcting deletions, insertions and reversals, 1966; all costs are 1.
"""

from __future__ import annotations

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cpdist

_NEVER_RIGHT = chr(0)
"""Represents all predicted tokens that occur in no row of the truth."""


def mean_levenshtein(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean over rows of the case-sensitive distance in characters.

    Args:
        truth: text, shape (n,), at least one.
        prediction: text, shape (n,); an empty one is at a distance of the length of the truth.

    Returns:
        0 and up; lower is better.
    """
    differs = truth != prediction
    return _sum_of_distances(truth[differs].tolist(), prediction[differs].tolist()) / len(truth)


def _sum_of_distances(texts: list[str], others: list[str]) -> int:
    return int(cpdist(texts, others, scorer=Levenshtein.distance, dtype=np.int64).sum()) if texts else 0


def token_error_rate(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Sum over rows of the distance in tokens, divided by the number of tokens in `truth`.

    Args:
        truth: tokens separated by white space, shape (n,).
        prediction: tokens separated by white space, shape (n,).

    Returns:
        0 and up, above 1 with many insertions; lower is better.
        Definition: https://www.kaggle.com/c/multi-modal-gesture-recognition/overview/evaluation

    Raises:
        ZeroDivisionError: `truth` holds no token.
        ValueError: `truth` holds more than a million distinct tokens.
    """
    differs = truth != prediction
    letters = _Letters()
    right = ["".join(map(letters.__getitem__, cell.split())) for cell in truth[differs].tolist()]
    predicted = ["".join([letters.get(token, _NEVER_RIGHT) for token in cell.split()]) for cell in prediction[differs].tolist()]
    tokens = sum(map(len, right)) + sum(len(cell.split()) for cell in truth[~differs].tolist())
    return _sum_of_distances(right, predicted) / tokens


class _Letters(dict[str, str]):
    """One character per distinct token, so that strings can represent lists of tokens."""

    def __missing__(self, token: str) -> str:
        letter = self[token] = chr(len(self) + 1)
        return letter
