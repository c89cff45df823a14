"""Digits within cells: runs of them, their last and first ones, and those behind some decimals."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mlebench.preparation.audit.checks import statistics

ALONG = 0.99
"""Rank correlation from which digits reveal a number; no honest part of a number correlates that strongly."""
_ALONG_IN_FEW, _WHOLE = 0.9, 0.9
_SAME_IN_FEW = 0.6
_FEW = 120
_LEAST = 12
_SHARE = 0.9
"""Share of the cells that must have a part."""
_PLACES = (0, 1, 2, -2, -1)
_MOST_DIGITS = 6
_LONGEST = 15
_LONGEST_CELL = 400
_BINS = 64
_LEAST_IN_BIN = 6

_RUN = re.compile(r"\d+")
_A_NUMBER = re.compile(r"\s*[-+]?\d*\.?\d*\s*")


@dataclass(frozen=True)
class _Cell:
    """The digits of one cell."""

    runs: Sequence[str]
    is_number: bool


_Part = Callable[[_Cell], str | None]


def _run(place: int) -> _Part:
    def part(cell: _Cell) -> str | None:
        is_there = not cell.is_number and -len(cell.runs) <= place < len(cell.runs)
        return cell.runs[place] if is_there else None

    return part


def _last(place: int, digits: int) -> _Part:
    return lambda cell: cell.runs[place][-digits:] if cell.runs and len(cell.runs[place]) > digits else None


def _first(digits: int) -> _Part:
    return lambda cell: cell.runs[-1][:digits] if cell.runs and not cell.is_number and len(cell.runs[-1]) > digits else None


def _behind(digits: int) -> _Part:
    return lambda cell: cell.runs[-1][digits:] if len(cell.runs) > 1 and len(cell.runs[-1]) > digits else None


def _parts() -> Iterator[tuple[str, _Part]]:
    for place in _PLACES:
        yield f"run {place + 1} of digits" if place >= 0 else f"run {-place} of digits from the end", _run(place)
    for digits in range(1, _MOST_DIGITS + 1):
        yield f"the last {digits} digits", _last(-1, digits)
        yield f"the last {digits} of the first digits", _last(0, digits)
        yield f"the digits behind the first {digits} decimals", _behind(digits)
        yield f"the first {digits} of the last digits", _first(digits)


_PARTS = tuple(_parts())


class Digits:
    """The parts of a column's cells that are numbers of their own."""

    def __init__(self, codes: np.ndarray, texts: Sequence[str]) -> None:
        """Read a few cells.

        Args:
            codes: shape (rows,): position in `texts`, -1 where there is no cell.
            texts: the different cells.
        """
        self._codes, self._texts = codes, texts
        self._rows = statistics.drawn(len(codes), _FEW)

    @functools.cached_property
    def _few(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of some rows: numbers, shape (parts, rows), the first those of whole cells, their ranks, and which part each is."""
        cells = [_cell(self._texts[code]) if code >= 0 else _Cell((), False) for code in self._codes[self._rows]]
        whole = [_number(self._texts[code]) if code >= 0 else np.nan for code in self._codes[self._rows]]
        numbers = np.array([whole, *([_number(part(cell)) for cell in cells] for _, part in _PARTS)])
        known = ~np.isnan(numbers)
        varied = np.array([len(np.unique(row[~np.isnan(row)])) >= _LEAST for row in numbers])
        kept = np.flatnonzero((known.mean(axis=1) >= _SHARE) & varied)
        ranked = np.array([np.nan_to_num(statistics.ranks(numbers[place]), nan=-1.0) for place in kept])
        return np.nan_to_num(numbers[kept], nan=-1.0), ranked, kept - 1

    def along(self, numbers: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """Parts that rise or fall with numbers, shape (rows,) float, where whole cells do not: name and values, shape (rows,)."""
        _, ranked, places = self._few
        known = ~np.isnan(numbers[self._rows])
        if known.sum() < _LEAST or not len(places):
            return
        asked = statistics.ranks(numbers[self._rows][known])
        if asked.std() == 0:
            return
        together = np.abs(_correlations(ranked[:, known], asked))
        if places[0] == -1 and together[0] > _WHOLE:
            return
        for row in np.flatnonzero(together > _ALONG_IN_FEW):
            if places[row] >= 0:
                yield self._read(int(places[row]))

    def sorting(self, classes: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """Parts in whose order classes, shape (rows,) int64, stand together, where they do not in that of whole cells: name and
        a code for each row, shape (rows,) int64, -1 where it has none."""
        numbers, _, places = self._few
        few = classes[self._rows]
        expected = float(((np.bincount(few) / max(1, len(few))) ** 2).sum())
        if not len(places) or len(few) < _LEAST or expected == 1:
            return
        ordered = few[np.argsort(numbers, axis=1, kind="stable")]
        together = ((ordered[:, 1:] == ordered[:, :-1]).mean(axis=1) - expected) / (1 - expected)
        if places[0] == -1 and together[0] > _SAME_IN_FEW:
            return
        for row in np.flatnonzero(together > _SAME_IN_FEW):
            if places[row] >= 0:
                name, values = self._read(int(places[row]))
                yield name, _in_bins(values)

    def _read(self, place: int) -> tuple[str, np.ndarray]:
        name, part = _PARTS[place]
        values = [_number(part(_cell(text))) for text in self._texts]
        return name, np.array([*values, np.nan], dtype=np.float64)[self._codes]


def _cell(text: str) -> _Cell:
    text = text[:_LONGEST_CELL]
    return _Cell(_RUN.findall(text), bool(_A_NUMBER.fullmatch(text)))


def _number(text: str | None) -> float:
    if text is None or len(text) > _LONGEST:
        return np.nan
    try:
        return float(text)
    except ValueError:
        return np.nan


def _correlations(rows: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The correlation of each row, shape (parts, rows), with another one, shape (rows,); 0 of constant ones."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    other = other - other.mean()
    length = np.sqrt((centred**2).sum(axis=1) * (other**2).sum())
    return np.asarray(np.divide(centred @ other, length, out=np.zeros(len(rows)), where=length > 0))


def _in_bins(values: np.ndarray) -> np.ndarray:
    """Codes of even shares of the sorted values, those of equal values the same; shape (rows,) int64."""
    known = ~np.isnan(values)
    bins = min(_BINS, max(2, int(known.sum()) // _LEAST_IN_BIN))
    codes = np.full(len(values), -1, dtype=np.int64)
    codes[known] = np.floor(statistics.ranks(values)[known] / max(1, known.sum()) * bins).astype(np.int64)
    return codes
