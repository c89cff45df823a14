"""Rows of tables as 64-bit numbers, so that equal ones are found among millions."""

from __future__ import annotations

import functools
import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 5
"""Significant digits that count of a number with a fraction."""
_BLOCKS = 32
"""Of a wide table, columns are left out so many blocks at a time."""
_LETTERS_OF_A_TEXT = 20
_OTHER = re.compile(r"[\W_]+")


def normal(text: str) -> str:
    """A text without case, spaces, accents and punctuation."""
    if text.isascii():
        return _OTHER.sub("", text.lower())
    # marks split off by NFKD are not letters, but vowel signs of many scripts are also marks: only accents are removed
    spread = unicodedata.normalize("NFKD", text).lower()
    return "".join(letter for letter in spread if letter.isalnum() or "\u0900" <= letter <= "\u0dff")


def cell_hashes(cells: pd.Series) -> np.ndarray:
    """One number per cell, equal for cells that differ in case, spaces, accents, punctuation or beyond `DIGITS` digits.

    Args:
        cells: text.

    Returns:
        Shape (rows,), uint64.
    """
    import pandas as pd

    codes, different = pd.factorize(cells.to_numpy(), use_na_sentinel=False)
    texts = pd.Series(different, dtype=object).fillna("").astype(str)
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    counts = np.isfinite(numbers) & (np.abs(numbers) < 2.0**53)
    hashes = np.zeros(len(texts), dtype=np.uint64)
    if counts.any():
        hashes[counts] = pd.util.hash_array(_rounded(numbers[counts]))
    if not counts.all():
        words = np.array([normal(text) for text in texts[~counts]], dtype=object)
        hashes[~counts] = pd.util.hash_array(words, categorize=False)
    taken: np.ndarray = hashes[codes]
    return taken


def _rounded(numbers: np.ndarray) -> np.ndarray:
    """To `DIGITS` significant digits; whole numbers stay."""
    with np.errstate(divide="ignore"):
        places = np.where(numbers == 0, 0, np.floor(np.log10(np.abs(numbers))))
    unit = 10.0 ** (places - DIGITS + 1)
    fraction = numbers != np.round(numbers)
    # adding zero makes -0.0 the same as 0.0
    kept: np.ndarray = np.where(fraction, np.round(numbers / unit), numbers * 1e7 + 0.0) + np.where(fraction, places * 1e8, 0.0)
    return kept


@dataclass(frozen=True)
class RowHashes:
    """Rows of one table, or of a piece of it."""

    cells: np.ndarray
    """Shape (rows, blocks of columns), uint64: what each block adds to the whole."""

    @functools.cached_property
    def whole(self) -> np.ndarray:
        """Shape (rows,), uint64: equal for rows equal in all columns."""
        summed: np.ndarray = self.cells.sum(axis=1, dtype=np.uint64)
        return summed

    def without(self, block: int) -> np.ndarray:
        """Shape (rows,), uint64: equal for rows equal in all columns but those of one block."""
        left: np.ndarray = (self.whole - self.cells[:, block]) ^ np.uint64(block + 1)
        return left


def block_count(columns: Sequence[str]) -> int:
    """How many blocks `row_hashes` makes of this many columns."""
    return min(len(columns), _BLOCKS)


def row_hashes(table: pd.DataFrame, columns: Sequence[str]) -> RowHashes:
    """The rows of a table as numbers.

    Args:
        table: cells as text.
        columns: those that count; each is told apart by its name, so that two tables may hold them in another order.
    """
    blocks = np.zeros((len(table), block_count(columns)), dtype=np.uint64)
    for place, name in enumerate(columns):
        own = np.uint64((zlib.crc32(name.encode()) << 32 | zlib.adler32(name.encode())) | 1)
        mixed = cell_hashes(table[name]) * own
        blocks[:, place % blocks.shape[1]] += mixed ^ (mixed >> np.uint64(29))
    return RowHashes(blocks)


def matches(wanted: np.ndarray, offered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of equal numbers.

    Args:
        wanted: shape (m,), uint64, sorted.
        offered: shape (n,), uint64.

    Returns:
        Positions in `wanted` and in `offered`, one pair each; of a number that both hold often, at most 50 in `wanted`.
    """
    if not len(wanted):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    first = np.searchsorted(wanted, offered, side="left")
    hit = np.flatnonzero(wanted[np.minimum(first, len(wanted) - 1)] == offered)
    count = np.minimum(np.searchsorted(wanted, offered[hit], side="right") - first[hit], 50)
    right = np.repeat(hit, count)
    step = np.arange(len(right)) - np.repeat(np.cumsum(count) - count, count)
    return first[right] + step, right


def rarities(cells: pd.Series) -> tuple[dict[str, float], float]:
    """How rare each value is, and one that was never seen: the negative binary logarithm of its share."""
    count = cells.value_counts()
    rows = max(len(cells), 1)
    return dict(zip(count.index, np.log2((rows + 1) / count.to_numpy()), strict=True)), float(np.log2(rows + 1))


def told_bits(cells: pd.Series, known: dict[str, float], unseen: float) -> np.ndarray:
    """How much equality of each cell says: by the rarity of its value, or by its length if it is a text."""
    rare = cells.map(known).fillna(unseen).to_numpy(dtype=np.float64)
    letters = cells.str.len().to_numpy()
    for place in np.flatnonzero((letters >= _LETTERS_OF_A_TEXT) & (rare > 1)):
        rare[place] += min(len(normal(cells.iloc[int(place)][:200])), 60) / 2
    return rare
