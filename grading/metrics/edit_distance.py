"""Edit distances: the smallest number of insertions, deletions and substitutions that turn one sequence into another.

Definition: V. I. Levenshtein, Binary codes capable of correcting deletions, insertions and reversals, 1966; all costs are 1.
"""

from __future__ import annotations

from itertools import chain

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cpdist

_FIRST_LETTER, _MOST_LETTERS = 0xE000, 2**16
"""Characters behind those that no text may hold."""


def mean_levenshtein(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean over rows of the distance in characters, upper and lower case apart.

    Args:
        truth: text, shape (n,), at least one.
        prediction: text, shape (n,); the distance of an empty one is the length of the truth.

    Returns:
        0 and up; lower is better.
    """
    return float(np.mean(cpdist(list(truth), list(prediction), scorer=Levenshtein.distance, dtype=np.int64)))


def token_error_rate(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Sum over rows of the distance in tokens, divided by the number of tokens in `truth`.

    Args:
        truth: tokens separated by white space, shape (n,).
        prediction: tokens separated by white space, shape (n,).

    Returns:
        0 and up, more than 1 where much is inserted; lower is better.
        Definition: https://www.kaggle.com/c/multi-modal-gesture-recognition/overview/evaluation

    Raises:
        ZeroDivisionError: `truth` holds no token.
    """
    right, predicted = ([*map(str.split, cells.tolist())] for cells in (truth, prediction))
    vocabulary = dict.fromkeys(chain.from_iterable(right))
    if len(vocabulary) > _MOST_LETTERS:
        distances = sum(map(Levenshtein.distance, right, predicted))
    else:
        # a letter for each token, and one for all that are never right
        letters = dict(zip(vocabulary, map(chr, range(_FIRST_LETTER, _FIRST_LETTER + len(vocabulary))), strict=True))
        texts = (["".join([letters.get(token, "?") for token in tokens]) for tokens in side] for side in (right, predicted))
        distances = int(cpdist(*texts, scorer=Levenshtein.distance, dtype=np.int64).sum())
    return distances / sum(map(len, right))
