"""The expected ids as bytes: the ids of a submission are matched to them without decoding either.

Only a file that holds exactly these ids, each once and spelled identically, is matched this way. For any other file,
`grading.submission` determines what is wrong or whether its ids are spelled differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from grading.decimals import digits_of
from grading.grid import Grid
from grading.submission import Rows, id_text

_MOST_WORDS = 64
"""Maximum eight-byte words over all id columns; longer ids cost more time elsewhere."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_AT_ONCE = 2**14
"""Block size in numbers, small enough for the processor's cache."""
_POWERS = np.array([10**exponent for exponent in range(17)], dtype=np.uint64)


@dataclass(frozen=True, eq=False)
class KnownIds:
    """Unique ids in order of first appearance.

    Attributes:
        columns: the names of the id columns.
        most: the eight-byte words that the longest id fills, per column.
        words: the UTF-8 bytes of each id as little-endian numbers, column by column, shape (sum of `most`, ids).
        order: the ids in the order of their hashes, shape (ids,).
    """

    columns: tuple[str, ...]
    most: tuple[int, ...]
    words: np.ndarray
    order: np.ndarray

    def __len__(self) -> int:
        return len(self.order)

    @staticmethod
    def of(known: pd.DataFrame, id_columns: Sequence[str]) -> KnownIds | None:
        """The ids of a table, in which one may fill several rows.

        Returns:
            None if ids cannot be compared as raw cell bytes: they hold quotes, line endings or our control characters, or
            are very long.
        """
        parts = [_words_of(known, column) for column in id_columns]
        found = [part for part in parts if part is not None]
        if not len(known) or len(found) < len(parts) or sum(map(len, found)) > _MOST_WORDS:
            return None
        ids = _in_order_of_hashes(tuple(id_columns), tuple(map(len, found)), np.concatenate(found))
        if ids.has_repeats:
            words = _each_once(ids.words)
            ids = ids if words is None else _in_order_of_hashes(ids.columns, ids.most, words)
        return None if ids.has_repeats else ids

    @cached_property
    def hashes(self) -> np.ndarray:
        """The hash of each id, ascending."""
        hashes: np.ndarray = hashes_of(self.words)[self.order]
        return hashes

    @property
    def has_repeats(self) -> bool:
        """Whether two ids have the same hash."""
        return bool((self.hashes[1:] == self.hashes[:-1]).any())


def hashes_of(words: np.ndarray) -> np.ndarray:
    """A 64-bit hash of each id, from its words as in `KnownIds`; distinct for ids of one word."""
    hashes: np.ndarray = words[0].copy()
    for word in words[1:]:
        hashes ^= hashes >> _HALF
        hashes *= _FACTOR
        hashes += word
    return hashes


def _in_order_of_hashes(columns: tuple[str, ...], most: tuple[int, ...], words: np.ndarray) -> KnownIds:
    return KnownIds(columns, most, words, np.argsort(hashes_of(words)))


def _each_once(words: np.ndarray) -> np.ndarray | None:
    """The first position of each id; None if two ids have the same hash."""
    hashes = hashes_of(words)
    order = np.argsort(hashes, kind="stable")
    places = np.flatnonzero(hashes[order[1:]] == hashes[order[:-1]])
    if not np.array_equal(words[:, order[places]], words[:, order[places + 1]]):
        return None
    is_first = np.ones(len(hashes), dtype=bool)
    is_first[order[places + 1]] = False
    return words[:, is_first]


def _words_of(known: pd.DataFrame, column: str) -> np.ndarray | None:
    """The bytes of the texts of a column, as `Grid.words` gives them."""
    values = known[column].to_numpy()
    if values.dtype.kind in "iu" and values.min(initial=0) >= 0 and values.max(initial=0) < 10**16:
        numbers = values.astype(np.uint64)
        parts = [_words_of_whole(numbers[start : start + _AT_ONCE]) for start in range(0, len(numbers), _AT_ONCE)]
        most = max(map(len, parts))
        return np.concatenate([part if len(part) == most else np.pad(part, ((0, 1), (0, 0))) for part in parts], axis=1)
    try:
        # a TypeError means that some are not text
        lines = "\n".join(values.tolist() if values.dtype == object else id_text(known, (column,)))
    except TypeError:
        lines = "\n".join(id_text(known, (column,)))
    try:
        text = f"{lines}\n".encode()
    except UnicodeEncodeError:
        return None
    ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == ord("\n"))
    if len(ends) != len(values) or any(letter in text for letter in b'\0\r\x1f"'):
        return None
    most = max(1, -(-int(np.diff(ends, prepend=-1).max() - 1) // 8))
    return Grid(text, ends[:, None], skipped=0, line_end=1).words(0, most) if most <= _MOST_WORDS else None


def _words_of_whole(numbers: np.ndarray) -> np.ndarray:
    """The digits of whole numbers below 10^16, as `Grid.words` gives them."""
    high, low = np.divmod(numbers, np.uint64(10**8))
    high_digits, low_digits = digits_of(high), digits_of(low)
    count = np.searchsorted(_POWERS, numbers, side="right").astype(np.uint64)
    count = np.maximum(count, np.uint64(1))
    if not high.any():
        return (low_digits >> (8 * (8 - count)))[None]
    before = np.maximum(count, np.uint64(8)) - np.uint64(8)
    first = np.where(
        count > 8,
        (high_digits >> (8 * (8 - before))) | (low_digits << (8 * before)),
        low_digits >> (8 * (8 - np.minimum(count, 8))),
    )
    return np.stack([first, np.where(count > 8, low_digits >> (8 * (8 - before)), np.uint64(0))])


class IdMatching:
    """Matches the ids of a file chunk by chunk; as long as they come in the known order, nothing is stored."""

    def __init__(self, known: KnownIds) -> None:
        self._known = known
        self._in_order = 0
        self._others: list[np.ndarray] = []

    def take(self, grid: Grid, places: Sequence[int]) -> bool:
        """Add the next rows; returns False if they certainly do not match.

        Args:
            grid: the rows.
            places: indices of the id columns, in the order of the known ids.
        """
        seen = self._in_order + sum(words.shape[1] for words in self._others)
        if seen + len(grid) > len(self._known):
            return False
        parts = [grid.words(place, most) for place, most in zip(places, self._known.most, strict=True)]
        if any(part is None for part in parts):
            return False
        words = np.concatenate([part for part in parts if part is not None])
        if not self._others and np.array_equal(words, self._known.words[:, seen : seen + len(grid)]):
            self._in_order += len(grid)
        else:
            self._others.append(words)
        return True

    def rows(self) -> Rows | None:
        """The row of each known id, if each was seen exactly once and nothing else was; None otherwise."""
        known = self._known
        if not self._others:
            return slice(None) if self._in_order == len(known) else None
        words = np.concatenate([known.words[:, : self._in_order], *self._others], axis=1)
        if words.shape != known.words.shape:
            return None
        hashes = hashes_of(words)
        order = np.argsort(hashes)
        if not np.array_equal(hashes[order], known.hashes):
            return None
        rows = np.empty(len(order), dtype=np.int64)
        rows[known.order] = order
        # other ids may have the same hashes
        return rows if all(np.array_equal(word[rows], own) for word, own in zip(words, known.words, strict=True)) else None
