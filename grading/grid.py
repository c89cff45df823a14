"""The cells of rows of equal width, read as numbers, words or text from the bytes of a file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from grading.decimals import FIRST_BYTES, numbers_at, whole_numbers_at, words_at

_COMMA, _QUOTE, _LF, _CR = b',"\n\r'
_BEFORE, _BEHIND = 24, 8
"""Padding around the text, so that words extending beyond a cell can be read."""


class Grid:
    """Whole rows, none of them blank, all with the same number of cells."""

    def __init__(self, text: bytes, ends: np.ndarray, skipped: int, line_end: int) -> None:
        """Take rows as `grid_of` found them.

        Args:
            text: their bytes.
            ends: the position after each cell, shape (rows, columns).
            skipped: bytes before the first row.
            line_end: bytes that end a row.
        """
        self._plain, self._ends, self._skipped, self._line_end = text, ends, skipped, line_end
        self._has_quotes = b'"' in text

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def line_ends(self) -> np.ndarray:
        """The position of the byte after the last cell of each row."""
        return self._ends[:, -1]

    @cached_property
    def _text(self) -> bytes:
        return b"\0" * _BEFORE + self._plain + b"\0" * _BEHIND

    @cached_property
    def _words(self) -> np.ndarray:
        return words_at(self._text)

    def _bounds(self, columns: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Where the cells of some columns begin and end in `_text`, row by row, excluding enclosing quotes."""
        if len(columns) == 1:
            (place,) = columns
            ends = self._ends[:, place] + _BEFORE
            begins = self._ends[:, place - 1] + (_BEFORE + 1) if place else self._first_begins()
        else:
            places = np.asarray(columns)
            ends = (self._ends[:, places] + _BEFORE).ravel()
            of_rows = self._ends[:, places - 1] + (_BEFORE + 1)
            if places[0] == 0:
                of_rows[:, 0] = self._first_begins()
            begins = of_rows.ravel()
        if self._has_quotes:
            is_quoted = np.frombuffer(self._text, dtype=np.uint8)[begins] == _QUOTE
            begins += is_quoted
            ends -= is_quoted
        return begins, ends

    def _first_begins(self) -> np.ndarray:
        """Where the rows begin."""
        begins = np.empty(len(self), dtype=self._ends.dtype)
        begins[0] = _BEFORE + self._skipped
        begins[1:] = self._ends[:-1, -1]
        begins[1:] += _BEFORE + self._line_end
        return begins

    def numbers(self, columns: Sequence[int]) -> np.ndarray | None:
        """The float64 in each cell of some columns, shape (rows, columns), NaN for empty ones; None if any is not a number.

        Args:
            columns: their indices, ascending, at least one.
        """
        begins, ends = self._bounds(columns)
        values = numbers_at(self._words, begins, ends, self._text)
        return None if values is None else values.reshape(len(self), -1)

    def whole_numbers(self, columns: Sequence[int]) -> np.ndarray | None:
        """The int64 in each cell of some columns, shape (rows, columns).

        Args:
            columns: their indices, ascending, at least one.

        Returns:
            None if any is not a whole number of at most 18 digits, or is a negative zero.
        """
        values = whole_numbers_at(self._words, *self._bounds(columns))
        return None if values is None else values.reshape(len(self), -1)

    def first_cell(self, column: int) -> bytes:
        """The first cell of a column."""
        begins, ends = self._bounds([column])
        return self._text[begins[0] : ends[0]]

    @property
    def has_quotes(self) -> bool:
        """Whether cells may be quoted or contain quotes."""
        return self._has_quotes

    def longest(self, column: int) -> int:
        """Length in bytes of the longest cell of a column."""
        begins, ends = self._bounds([column])
        return int((ends - begins).max())

    def words(self, column: int, most: int) -> np.ndarray | None:
        """The bytes of each cell of a column as little-endian words of eight bytes, padded with zero bytes.

        Returns:
            Shape (`most`, rows); None if a cell has more than `8 * most` bytes.
        """
        begins, ends = self._bounds([column])
        lengths = ends - begins
        if len(lengths) and lengths.max() > 8 * most:
            return None
        words = np.empty((most, len(begins)), dtype=np.uint64)
        last = len(self._words) - 1
        for place in range(most):
            begin = begins + 8 * place
            words[place] = self._words[begin if place == 0 else np.minimum(begin, last)]
            words[place] &= FIRST_BYTES.take(lengths - 8 * place, mode="clip")
        return words

    def texts(self, column: int) -> list[str]:
        """The cells of a column, verbatim."""
        if not self._has_quotes and self._ends.shape[1] <= 4:
            return self._all_cells[column :: self._ends.shape[1]]
        begins, ends = self._bounds([column])
        text = np.frombuffer(self._text, dtype=np.uint8).copy()
        # no cell holds NUL
        text[ends] = 0
        steps = np.zeros(len(text) + 1, dtype=np.int8)
        steps[begins] = 1
        steps[ends + 1] -= 1
        is_taken = np.cumsum(steps[:-1], dtype=np.int8).view(bool)
        if self._has_quotes:
            is_taken[self._second_quotes(text, is_taken, begins)] = False
        cells: list[str] = text[is_taken].tobytes().decode().split("\0")
        return cells[:-1]

    def _second_quotes(self, text: np.ndarray, is_taken: np.ndarray, begins: np.ndarray) -> np.ndarray:
        """The positions of the second quote of each doubled pair in quoted cells; other cells have no doubled quotes."""
        quotes = np.flatnonzero((text == _QUOTE) & is_taken)
        is_quoted = text[begins - 1] == _QUOTE
        inside: np.ndarray = quotes[is_quoted[np.searchsorted(begins, quotes, side="right") - 1]]
        return inside[1::2]

    @cached_property
    def _all_cells(self) -> list[str]:
        """The cells of all rows in order, if none is quoted."""
        text = self._plain[self._skipped : -self._line_end].decode()
        return text.replace("\r\n" if self._line_end == 2 else "\n", ",").split(",")


def grid_of(text: bytes, ends: np.ndarray, closes_row: np.ndarray, width: int) -> Grid | None:
    """The cells of whole rows, if all rows have `width` cells (at least two) and the same line ending, LF or CRLF.

    Args:
        text: the rows, which may begin with the line ending of the line before.
        ends: the position after each cell, ascending; between the two bytes of a CRLF there is an empty one.
        closes_row: whether the cell is the last one of its row.
        width: cells of a row.
    """
    skipped = int(text.startswith(b"\n"))
    line_end = 2 if text.endswith(b"\r\n") else 1
    step = width + line_end - 1
    ends, closes_row = ends[skipped:], closes_row[skipped:]
    if width < 2 or not len(ends) or len(ends) % step:
        return None
    ends, closing = ends.reshape(-1, step), closes_row.reshape(-1, step)[:, width - 1 :]
    if not closing.all() or np.count_nonzero(closes_row) != closing.size:
        return None
    data = np.frombuffer(text, dtype=np.uint8)
    if line_end == 2:
        feeds = ends[:, -1]
        ends = ends[:, :-1]
        if not ((feeds - ends[:, -1] == 1).all() and (data[feeds] == _LF).all() and (data[ends[:, -1]] == _CR).all()):
            return None
    elif b"\r" in text and not (data[ends[:, -1]] == _LF).all():
        return None
    return Grid(text, ends, skipped, line_end)
