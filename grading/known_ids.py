"""The ids that are asked for, in bytes: those of a submission are matched to them without making text of either.

Only a file that holds each id once, spelled alike, and no other is matched so. What is wrong with any other, and whether its ids
are spelled in another way, is for `grading.submission` to find out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from grading.grid import Grid
from grading.submission import Rows, id_text

_MOST_WORDS = 64
"""Of eight bytes, in all id columns together; longer ids take more time in other places."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


@dataclass(frozen=True, eq=False)
class KnownIds:
    """Ids, each once, in the order of their first appearance.

    All attributes are plain arrays and tuples, so that they can be kept in a file.

    Attributes:
        columns: the names of the id columns.
        most: how many words of eight bytes the longest id fills, for each column.
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
            None where ids cannot be told by the bytes of cells: they hold quotes, line ends or control characters of ours, or
            are very long.
        """
        texts = pd.DataFrame({place: id_text(known, (column,)) for place, column in enumerate(id_columns)})
        ids = _of_texts(texts, tuple(id_columns))
        if ids is not None and ids.has_repeats:
            ids = _of_texts(texts.drop_duplicates(), ids.columns)
        return None if ids is None or ids.has_repeats else ids

    @cached_property
    def hashes(self) -> np.ndarray:
        """The hash of each id, ascending."""
        hashes: np.ndarray = hashes_of(self.words)[self.order]
        return hashes

    @property
    def has_repeats(self) -> bool:
        """Whether two ids share a hash."""
        return bool((self.hashes[1:] == self.hashes[:-1]).any())


def hashes_of(words: np.ndarray) -> np.ndarray:
    """A number of 64 bits for each id, of its words as `KnownIds` has them; ids of one word have different ones."""
    hashes: np.ndarray = words[0].copy()
    for word in words[1:]:
        hashes ^= hashes >> _HALF
        hashes *= _FACTOR
        hashes += word
    return hashes


def _of_texts(texts: pd.DataFrame, columns: tuple[str, ...]) -> KnownIds | None:
    parts = [_words_of(list(texts[place])) for place in texts]
    if not len(texts) or any(part is None for part in parts):
        return None
    words = np.concatenate([part for part in parts if part is not None])
    if len(words) > _MOST_WORDS:
        return None
    return KnownIds(columns, tuple(len(part) for part in parts if part is not None), words, np.argsort(hashes_of(words)))


def _words_of(texts: list[str]) -> np.ndarray | None:
    """The bytes of texts as `Grid.words` gives them."""
    try:
        lines = ("\n".join(texts) + "\n").encode()
    except UnicodeEncodeError:
        return None
    data = np.frombuffer(lines, dtype=np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    if len(ends) != len(texts) or any(letter in lines for letter in b'\0\r\x1f"'):
        return None
    most = max(1, -(-int(np.diff(ends, prepend=-1).max() - 1) // 8))
    return Grid(lines, ends[:, None], skipped=0, line_end=1).words(0, most) if most <= _MOST_WORDS else None


class IdMatching:
    """Matching the ids of a file, of which a piece is seen at a time; while they come in the known order, nothing is kept."""

    def __init__(self, known: KnownIds) -> None:
        self._known = known
        self._in_order = 0
        self._others: list[np.ndarray] = []

    def take(self, grid: Grid, places: Sequence[int]) -> bool:
        """Take in the next rows; gives False where they certainly do not match.

        Args:
            grid: the rows.
            places: of the id columns, in the order in which they are known.
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
        """The row of each known id, where all of them were seen once and nothing else was; None otherwise."""
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
