"""A csv file of ours, read with the types that pandas infers, where these can be told at a glance."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd

from grading.extent import Extent
from grading.grid import Grid
from grading.invalid import InvalidSubmission
from grading.layout import read_header, scan_rows
from grading.pieces import Cells
from grading.submission import MISSING_WORDS

_SURELY_NO_NUMBER = re.compile(r"[^-+.0-9_\sAaEeFfIiNnTtYy]")
"""A letter that stands in no spelling of a number, of infinity, or of what is none."""
_TRUTH_VALUES = {"true", "false"}
_ANY_EXTENT = Extent(columns=(), most_rows=sys.maxsize, longest_cell=2**40, rows=lambda: None)


class _UnclearTypeError(Exception):
    """Whether a column holds whole numbers, numbers, truth values or text is for pandas to find out."""


def read_inferred(path: Path, text_columns: Iterable[str]) -> pd.DataFrame | None:
    """The table in a file that nothing is odd about, just as pandas reads it with round-trip precision.

    Args:
        path: the csv file.
        text_columns: columns kept as text to the letter; the words of a missing value are NaN in all others.

    Returns:
        None where pandas has to be asked.

    Raises:
        OSError: if the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            header = read_header(file, _ANY_EXTENT)
            if len(set(header.names)) < len(header.names) or not all(header.names):
                return None
            text = set(text_columns)
            columns = [_Text(place) if name in text else _Guessed(place) for place, name in enumerate(header.names)]

            def take(grid: Grid | None) -> None:
                if grid is None:
                    _give_up()
                for column in columns:
                    column.take(grid)

            if not scan_rows(file, header, len(header.names) - 1, _ANY_EXTENT, take).count:
                return None
        return pd.DataFrame({name: column.joined() for name, column in zip(header.names, columns, strict=True)})
    except (InvalidSubmission, _UnclearTypeError):
        return None


def _give_up() -> NoReturn:
    raise _UnclearTypeError


def _is_surely_text(cell: str) -> bool:
    """Whether pandas cannot take a cell for a number or a truth value."""
    return bool(_SURELY_NO_NUMBER.search(cell)) and cell.lower() not in _TRUTH_VALUES


class _Text:
    """A column of text."""

    def __init__(self, place: int) -> None:
        self._place, self._cells = place, Cells()

    def take(self, grid: Grid) -> None:
        """Take in the next cells."""
        self._cells.take(grid, self._place)

    def joined(self) -> pd.Series:
        """All cells."""
        return pd.Series(self._cells.joined(), dtype=object)


class _Guessed:
    """A column of whole numbers, of numbers, or of text, whichever its cells are."""

    def __init__(self, place: int) -> None:
        self._place = place
        self._numbers: list[np.ndarray] = []
        self._text: _Text | None = None
        self._is_whole = True

    def take(self, grid: Grid) -> None:
        """Take in the next cells."""
        if self._text is None and not self._takes_numbers(grid):
            if self._numbers:
                _give_up()
            self._text = _Text(self._place)
        if self._text is not None:
            self._text.take(grid)

    def _takes_numbers(self, grid: Grid) -> bool:
        values = grid.whole_numbers(self._place) if self._is_whole else None
        if values is None:
            values = grid.numbers([self._place])
            self._is_whole = False
        if values is not None:
            self._numbers.append(values.ravel())
        return values is not None

    def joined(self) -> pd.Series:
        """All cells."""
        if self._text is not None:
            cells = self._text.joined()
            missing = cells.isin(MISSING_WORDS)
            if not any(map(_is_surely_text, cells[~missing].head(1_000))):
                _give_up()
            return cells.mask(missing)
        values = np.concatenate(self._numbers)
        # a column of `1.0` might be written as whole numbers that are read in another way
        if not self._is_whole and (values == np.floor(values)).all():
            _give_up()
        return pd.Series(values)
