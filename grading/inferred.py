"""A csv file of the harness, read with the types that pandas infers, if these are easy to determine."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from grading.extent import Extent
from grading.grid import Grid
from grading.invalid import InvalidSubmission
from grading.layout import read_header, scan_rows
from grading.pieces import Cells
from grading.submission import MISSING_WORDS

_SURELY_NO_NUMBER = re.compile(r"[^-+.0-9_\sAaEeFfIiNnTtYy]")
"""A letter that no spelling of a number, infinity or NaN contains."""
_SMALLEST_WHOLE = float(np.iinfo(np.int64).min)
_TRUTH_VALUES = {"true", "false"}
_ANY_EXTENT = Extent(columns=(), most_rows=sys.maxsize, longest_cell=2**40, rows=lambda: None)


class _UnclearTypeError(Exception):
    """Only pandas can decide whether a column holds integers, floats, booleans or text."""


def read_inferred(path: Path, text_columns: Iterable[str]) -> pd.DataFrame | None:
    """The table in a regular file, exactly as pandas reads it with round-trip precision.

    Args:
        path: the csv file.
        text_columns: columns kept verbatim as text; words for a missing value are NaN in all others.

    Returns:
        None if only pandas can read it.

    Raises:
        OSError: if the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            header = read_header(file, _ANY_EXTENT)
            if len(set(header.names)) < len(header.names) or not all(header.names):
                return None
            table = _Inferred(header.names, set(text_columns))
            rows = scan_rows(file, header, len(header.names) - 1, _ANY_EXTENT, table.take).count
        return table.joined() if rows else None
    except (InvalidSubmission, _UnclearTypeError):
        return None


class _Inferred:
    """The columns of a file; the first chunk determines their types, and all later chunks must match."""

    def __init__(self, names: list[str], text: set[str]) -> None:
        """Create columns; those in `text` are read as text."""
        self._names = names
        self._texts = {place: Cells() for place, name in enumerate(names) if name in text}
        self._guessed: list[int] = []
        self._whole: list[int] = []
        self._real: list[int] = []
        self._values: dict[type, list[np.ndarray]] = {np.int64: [], np.float64: []}
        self._has_point: dict[int, bool] = {}

    def take(self, grid: Grid | None) -> None:
        """Add the next rows.

        Raises:
            _UnclearTypeError: they differ in type among themselves or from earlier rows.
        """
        if grid is None:
            raise _UnclearTypeError
        if not self._has_looked():
            self._look_at(grid)
        for places, kind, read in ((self._whole, np.int64, grid.whole_numbers), (self._real, np.float64, grid.numbers)):
            if places:
                values = read(places)
                if values is None:
                    raise _UnclearTypeError
                self._values[kind].append(values)
        for place, cells in self._texts.items():
            cells.take(grid, place)

    def _has_looked(self) -> bool:
        return len(self._texts) + len(self._whole) + len(self._real) == len(self._names)

    def _look_at(self, grid: Grid) -> None:
        for place in range(len(self._names)):
            if place in self._texts:
                continue
            if grid.whole_numbers([place]) is not None:
                self._whole.append(place)
            elif grid.numbers([place]) is not None:
                self._real.append(place)
                # such a cell is not read as a whole number
                self._has_point[place] = b"." in grid.first_cell(place)
            else:
                self._texts[place] = Cells()
                self._guessed.append(place)

    def joined(self) -> pd.DataFrame:
        """The table.

        Raises:
            _UnclearTypeError: a column may have another type.
        """
        columns: dict[int, Any] = {place: pd.Series(cells.joined(), dtype=object) for place, cells in self._texts.items()}
        for place in self._guessed:
            columns[place] = _with_missing(columns[place])
        for places, kind in ((self._whole, np.int64), (self._real, np.float64)):
            if places:
                columns |= zip(places, np.concatenate(self._values[kind]).T, strict=True)
        for place in self._real:
            values = columns[place]
            if not self._has_point[place] and _may_be_whole(values):
                raise _UnclearTypeError
        return pd.DataFrame({name: columns[place] for place, name in enumerate(self._names)})


def _may_be_whole(values: np.ndarray) -> bool:
    """Whether values of shape (rows,) come out otherwise if pandas reads them as whole numbers, some missing, first."""
    is_odd = (values == _SMALLEST_WHOLE) | ((values == 0) & np.signbit(values))
    # the smallest whole number becomes a missing one, and no whole number is a negative zero
    return bool((values == np.floor(values)).all() or is_odd.any())


def _with_missing(cells: pd.Series) -> pd.Series:
    """Cells of which at least one is certainly text, with NaN for words that mean a missing value."""
    is_missing = cells.isin(MISSING_WORDS)
    if not any(map(_is_surely_text, cells[~is_missing].head(1_000))):
        raise _UnclearTypeError
    return cells.mask(is_missing)


def _is_surely_text(cell: str) -> bool:
    """Whether pandas cannot read a cell as a number or a boolean."""
    return bool(_SURELY_NO_NUMBER.search(cell)) and cell.lower() not in _TRUTH_VALUES
