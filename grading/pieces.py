"""The requested columns of a submission, assembled from the chunks of a scanned file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from grading.grid import Grid
from grading.known_ids import IdMatching, KnownIds, hashes_of
from grading.submission import MISSING_WORDS, Rows

_SHORT = 32
"""Maximum bytes of a cell that is checked for duplicates."""


class SubmissionTable(NamedTuple):
    """What was read from a submission."""

    table: pd.DataFrame
    """The requested columns in file order, without the id columns if `rows` replaces them."""
    rows: Rows | None
    """The row of each known id, if the file has exactly these ids."""


class Pieces:
    """The requested columns of a file with uniform rows and plain numbers, added chunk by chunk."""

    def __init__(self, places: Mapping[int, str], numbers: set[str], optional: set[str], known: KnownIds | None) -> None:
        """Take columns.

        Args:
            places: their names by index, ascending.
            numbers: those that hold numbers.
            optional: those in which words for a missing value are NaN.
            known: the ids, if they should be matched.
        """
        place_of = {name: place for place, name in places.items()}
        ids = known.columns if known is not None else ()
        self._matching = IdMatching(known) if known is not None else None
        self._ids = [place_of[name] for name in ids]
        self._names = [name for name in places.values() if name not in ids]
        self._numbers = {place: name for place, name in places.items() if name in numbers}
        self._texts = {place: name for place, name in places.items() if name not in numbers and name not in ids}
        self._optional = optional
        self._values: list[np.ndarray] = []
        self._cells = {place: Cells() for place in self._texts}
        self._fits = True

    def take(self, grid: Grid | None) -> None:
        """Add the next rows; None if they are not uniform."""
        self._fits = self._fits and grid is not None and self._takes(grid)

    def _takes(self, grid: Grid) -> bool:
        if self._matching is not None and not self._matching.take(grid, self._ids):
            return False
        if self._numbers:
            values = grid.numbers(list(self._numbers))
            if values is None:
                return False
            self._values.append(values)
        for place, cells in self._cells.items():
            cells.take(grid, place)
        return True

    def joined(self) -> SubmissionTable | None:
        """All rows; None if they do not fit."""
        rows = self._matching.rows() if self._matching is not None and self._fits else None
        if not self._fits or (self._matching is not None and rows is None):
            return None
        return SubmissionTable(self._table(), rows)

    def _table(self) -> pd.DataFrame:
        numbers = np.concatenate(self._values) if self._numbers else None
        if numbers is not None and not self._texts:
            return pd.DataFrame(numbers, columns=list(self._numbers.values()), copy=False)
        columns: dict[str, Any] = {name: self._text(place) for place, name in self._texts.items()}
        if numbers is not None:
            columns |= zip(self._numbers.values(), numbers.T, strict=True)
        return pd.DataFrame({name: columns[name] for name in self._names})

    def _text(self, place: int) -> pd.Series:
        cells = pd.Series(self._cells[place].joined(), dtype=object)
        return cells.mask(cells.isin(MISSING_WORDS)) if self._texts[place] in self._optional else cells


class Cells:
    """The cells of a text column; if few differ, equal cells share one string."""

    def __init__(self) -> None:
        self._most: int | None = None
        self._words: list[np.ndarray] = []
        self._texts: list[str] = []

    def take(self, grid: Grid, place: int) -> None:
        """Add the next cells."""
        if self._most is None:
            self._most = _words_where_few_differ(grid, place)
        if self._most and not self._texts and not grid.has_quotes and (words := grid.words(place, self._most)) is not None:
            self._words.append(words)
        else:
            self._texts += grid.texts(place)

    def joined(self) -> np.ndarray:
        """The cells, of dtype object."""
        texts = np.fromiter(self._texts, dtype=object, count=len(self._texts))
        if not self._words:
            return texts
        words = np.concatenate(self._words, axis=1)
        codes, distinct = pd.factorize(hashes_of(words))
        first = np.empty(len(distinct), dtype=np.int64)
        first[codes[::-1]] = np.arange(len(codes))[::-1]
        spellings = words[:, first]
        if all(np.array_equal(spelling[codes], word) for spelling, word in zip(spellings, words, strict=True)):
            cells = _decoded(spellings)[codes]
        else:
            cells = _decoded(words)
        return np.concatenate([cells, texts]) if len(texts) else cells


def _words_where_few_differ(grid: Grid, place: int) -> int:
    """The eight-byte words that hold each cell of a column, if many are equal; 0 otherwise."""
    if grid.has_quotes or (longest := grid.longest(place)) > _SHORT:
        return 0
    most = max(1, -(-longest // 8))
    words = grid.words(place, most)
    return most if words is not None and 2 * len(pd.unique(hashes_of(words))) <= len(grid) else 0


def _decoded(words: np.ndarray) -> np.ndarray:
    """The texts of words, of dtype object."""
    cells = np.ascontiguousarray(words.T, dtype="<u8").view(f"S{8 * len(words)}")[:, 0]
    return np.fromiter((cell.decode() for cell in cells.tolist()), dtype=object, count=len(cells))
