"""The format of a neuron's description: three weighted sums of a word's vector, and how they are combined."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit

INPUTS = 32
"""Length of a word's vector."""
PARTS = ("a", "b", "unless")
"""The rows of a description. The neuron responds to a or b, unless the third part responds as well."""
GAIN = 20.0
"""Slope of a neuron's response at the edge of a concept."""
SILENT = -200.0
"""Offset of a part that is not used."""
LARGEST = 1000.0
"""Bound on every number in a description."""

Columns = list[str]


def weight_columns() -> Columns:
    """The numbers in a row: a weight per entry of the vector, and the offset."""
    return [*(f"w{number:02d}" for number in range(1, INPUTS + 1)), "offset"]


def activations(descriptions: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Responses of described neurons to words: max(a, b) · (1 − unless), each part logistic in weights · vector + offset.

    Args:
        descriptions: shape (neurons, 3, inputs + 1), the offset last.
        vectors: shape (words, inputs), or (neurons, words, inputs) if each neuron has its own words.

    Returns:
        0 to 1, shape (neurons, words).
    """
    responses = part_responses(descriptions, vectors)
    return np.asarray(np.maximum(responses[:, 0], responses[:, 1]) * (1 - responses[:, 2]))


def part_responses(descriptions: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """The response of each part, 0 to 1, shape (neurons, 3, words)."""
    sums = descriptions[:, :, :-1] @ np.swapaxes(vectors, -1, -2) + descriptions[:, :, -1:]
    return np.asarray(expit(sums))


def description_table(descriptions: np.ndarray) -> pd.DataFrame:
    """One row per neuron and part, `n017-unless`, with its numbers."""
    rows = descriptions.reshape(-1, INPUTS + 1)
    table = pd.DataFrame(rows, columns=weight_columns())
    table.insert(0, "row_id", [f"n{number:03d}-{part}" for number in range(len(descriptions)) for part in PARTS])
    return table


def read_descriptions(table: pd.DataFrame) -> np.ndarray:
    """The inverse of `description_table`, for rows in its order, shape (neurons, 3, inputs + 1)."""
    return table[weight_columns()].to_numpy(dtype=np.float64).reshape(-1, len(PARTS), INPUTS + 1)


def agreement(truth: np.ndarray, described: np.ndarray) -> np.ndarray:
    """Pearson correlation over words for each neuron, 0 for a constant description, shape (neurons,).

    Args:
        truth, described: activations, shape (neurons, words).
    """
    truth = truth - truth.mean(axis=1, keepdims=True)
    described = described - described.mean(axis=1, keepdims=True)
    spread = np.sqrt((truth**2).sum(axis=1) * (described**2).sum(axis=1))
    together = (truth * described).sum(axis=1)
    # a spread this small is rounding error
    return np.asarray(np.where(spread > 1e-9, together / np.maximum(spread, 1e-9), 0.0))
