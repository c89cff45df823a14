"""What the learner sees of a text: its words and pairs of words, hashed."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from zlib import crc32

import numpy as np

COLUMNS = 512
_LENGTH = 4.0


def hashed_features(texts: Iterable[str]) -> np.ndarray:
    """Counts of hashed words and pairs of adjacent words, and a constant 1, shape (n, COLUMNS + 1).

    A word, or a pair joined by a space, counts in column CRC-32 mod COLUMNS. The counts' square roots are scaled to length 4.
    """
    rows = [[crc32(unit.encode()) % COLUMNS for unit in _units(text.split(" "))] for text in texts]
    counts = np.stack([np.bincount(row, minlength=COLUMNS) for row in rows]).astype(np.float64)
    roots = np.sqrt(counts)
    return np.column_stack([_LENGTH * roots / np.linalg.norm(roots, axis=1, keepdims=True), np.ones(len(rows))])


def _units(words: list[str]) -> list[str]:
    return [*words, *(f"{first} {second}" for first, second in pairwise(words))]
