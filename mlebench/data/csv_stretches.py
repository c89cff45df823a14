"""Work on one stretch of a csv file at a time, for processes that share a large table: its rows are told and written as bytes.

A stretch holds whole rows. Functions here are called by name in other processes, so that arguments and results are plain.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlebench.data.csv_cells import (
    DECIMAL,
    INTEGER,
    TEXT,
    Cells,
    NumberFormat,
    Numbers,
    Reading,
    Unproven,
    are_written_alike,
    kinds_of_unclear,
    needs_quotes,
    number_replacements,
    number_sums,
    odd_texts,
    replace,
    row_bounds,
    text_replacements,
    truth_replacements,
)

_LONGEST_ROW = 2**28


@dataclass(frozen=True)
class Stretch:
    """Some rows of a csv file that stand one below the other.

    Attributes:
        path: the file.
        start: its first byte.
        end: the byte after its last one.
    """

    path: Path
    start: int
    end: int

    def read(self) -> bytes:
        """Its bytes, with a line end after the last row."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            data = file.read(self.end - self.start)
        return data if data.endswith(b"\n") else data + b"\n"


def stretches(path: Path, start: int, size: int) -> Iterator[Stretch]:
    """Cut a file into stretches of about `size` bytes, from the byte `start` on, where its first row of data begins.

    Raises:
        Unproven: quotes do not come in pairs, or a row is huge.
    """
    with path.open("rb") as file:
        length = os.fstat(file.fileno()).st_size
        while start < length:
            wanted = size
            while start + wanted < length:
                file.seek(start)
                if found := _last_row_end(file.read(wanted)):
                    wanted = found
                    break
                wanted *= 2
                if wanted > _LONGEST_ROW:
                    raise Unproven
            end = min(start + wanted, length)
            yield Stretch(path, start, end)
            start = end


def _last_row_end(data: bytes) -> int:
    """The number of bytes up to the end of the last whole row; 0 if there is none."""
    end = data.rfind(b"\n") + 1
    open_quotes = data.count(b'"', 0, end) % 2
    while open_quotes and end:
        before = data.rfind(b"\n", 0, end - 1) + 1
        open_quotes ^= data.count(b'"', before, end) % 2
        end = before
    return end


@dataclass(frozen=True)
class Survey:
    """What is found in a stretch.

    Attributes:
        rows: how many rows it holds.
        kinds: the kinds of the cells of each column, added up.
        odd: whether a column has cells that are not written unchanged, whatever its type in the whole table.
    """

    rows: int
    kinds: list[int]
    odd: list[bool]


def survey(stretch: Stretch, width: int, reading: Reading, texts: frozenset[int]) -> Survey:
    """Look at all cells of a stretch.

    Args:
        stretch: the stretch.
        width: how many columns there are.
        reading: how pandas reads the table.
        texts: places of columns that are known to hold text.

    Raises:
        Unproven: only pandas can tell.
    """
    cells = Cells.find(stretch.read(), width)
    if cells.are_whole_numbers:
        return Survey(len(cells), [INTEGER] * width, [False] * width)
    quotes = needs_quotes(cells)
    sums = number_sums(cells) if len(texts) < width else None
    found = [_survey_column(cells, column, quotes, None if column in texts else sums, reading) for column in range(width)]
    return Survey(len(cells), [kinds for kinds, _ in found], [odd for _, odd in found])


def _survey_column(
    cells: Cells, column: int, quotes: np.ndarray | None, sums: np.ndarray | None, reading: Reading
) -> tuple[int, bool]:
    """The kinds of a column and whether it has odd cells; without `sums` it holds text."""
    if sums is not None:
        numbers = Numbers.find(cells, column, sums, reading)
        kinds, unclear = numbers.kinds, numbers.unclear
        if numbers.empty.any():
            kinds |= DECIMAL if reading.words_are_missing else TEXT
        if len(unclear):
            kinds |= kinds_of_unclear(cells, column, unclear, reading)
        if not kinds & TEXT:
            is_alike = kinds == DECIMAL and numbers.is_odd and are_written_alike(cells, column, numbers.odd, reading)
            return kinds, numbers.is_odd and not is_alike
    return TEXT, bool(len(odd_texts(cells, column, quotes, reading)))


@dataclass(frozen=True)
class Writing:
    """How rows are written.

    Attributes:
        types: the type of each column in the whole table.
        reading: how pandas reads the table.
        dropped: places of columns that are left out.
        given: places of columns whose cells are given as whole numbers.
        format: how floats are written.
    """

    types: tuple[Any, ...]
    reading: Reading
    dropped: frozenset[int] = frozenset()
    given: tuple[int, ...] = ()
    format: NumberFormat = field(default_factory=NumberFormat)

    def changes(self, survey: Survey) -> list[int]:
        """The columns of a stretch of which some cells may be written otherwise than they stand."""
        columns = []
        for column, kind in enumerate(self.types):
            is_float = kind.kind == "f"
            as_float = is_float and (self.format.float_format is not None or survey.kinds[column] != DECIMAL)
            if column not in self.dropped and (survey.odd[column] or as_float or kind.kind == "b" or column in self.given):
                columns.append(column)
        return columns


Given = Mapping[int, np.ndarray]
"""Whole numbers by the place of the column that they are in, one per row."""


def _chosen_rows(
    stretch: Stretch, writing: Writing, changes: Sequence[int], chosen: np.ndarray | None, given: Given
) -> tuple[bytes, np.ndarray]:
    """Some rows of a stretch as pandas writes them.

    Args:
        stretch: the stretch.
        writing: how rows are written.
        changes: the columns that need a look.
        chosen: the rows in their order, counted from the first of the stretch; None stands for all.
        given: a number for each chosen row, of the columns whose cells are given.

    Returns:
        The bytes, and where the rows begin and at last end in them.
    """
    data = stretch.read()
    bounds = row_bounds(data)
    if chosen is not None:
        data = b"".join(_rows(data, bounds, chosen))
        bounds = np.append(0, np.cumsum(bounds[chosen + 1] - bounds[chosen]))
    if not data or not (changes or writing.dropped or b"\r" in data):
        return data, bounds
    return _rewritten(Cells.find(data, len(writing.types)), writing, changes, given)


def _rewritten(cells: Cells, writing: Writing, changes: Sequence[int], given: Given) -> tuple[bytes, np.ndarray]:
    edits = [(*_spans(cells, column, rows), texts) for column, rows, texts in _replacements(cells, writing, changes, given)]
    edits += [(starts, ends, [b""] * len(cells)) for starts, ends in _left_out(cells, writing.dropped)]
    line_ends = np.append(cells.starts[1:, 0], len(cells.data))
    if b"\r" in cells.data:
        rows = np.flatnonzero(cells.ends[:, -1] + 1 < line_ends)
        edits.append((cells.ends[rows, -1], line_ends[rows] - 1, [b""] * len(rows)))
    bounds = np.append(0, line_ends)
    edits = [edit for edit in edits if len(edit[0])]
    if not edits:
        return cells.data, bounds
    data, starts, grown = replace(cells.data, edits)
    # every place that is edited is in a row, before its line end
    by_row = np.bincount(np.searchsorted(line_ends, starts, side="right"), grown, len(cells)).astype(np.int64)
    bounds[1:] += np.cumsum(by_row)
    return data, bounds


def _spans(cells: Cells, column: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return cells.starts[rows, column], cells.ends[rows, column]


def _replacements(
    cells: Cells, writing: Writing, changes: Sequence[int], given: Given
) -> Iterator[tuple[int, np.ndarray, list[bytes]]]:
    """Columns, rows and the cells that come in their place."""
    reading = writing.reading
    of_numbers = [column for column in changes if column not in given and writing.types[column].kind in "if"]
    sums = number_sums(cells) if of_numbers else None
    quotes = needs_quotes(cells)
    for column in changes:
        kind = writing.types[column]
        if column in given:
            yield column, np.arange(len(cells)), [b"%d" % number for number in given[column].tolist()]
        elif kind.kind == "b":
            yield column, *truth_replacements(cells, column, reading)
        elif kind.kind in "if":
            numbers = Numbers.find(cells, column, sums, reading)  # type: ignore[arg-type]
            yield column, *number_replacements(cells, column, numbers, kind, reading, writing.format)
        else:
            rows = odd_texts(cells, column, quotes, reading)
            yield column, rows, text_replacements(cells, column, rows, reading)


def _left_out(cells: Cells, dropped: frozenset[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """What goes with columns that are left out: the comma before them, or after those that the rows begin with."""
    columns = range(cells.starts.shape[1])
    for is_dropped, run in groupby(columns, dropped.__contains__):
        first, *_, last = [*run] * 2
        if is_dropped and first == 0:
            yield cells.starts[:, 0], cells.starts[:, last + 1]
        elif is_dropped:
            yield cells.ends[:, first - 1], cells.ends[:, last]


def write_in_order(stretch: Stretch, writing: Writing, changes: Sequence[int], chosen: np.ndarray | None, given: Given) -> bytes:
    """The text of some rows of a stretch; see `_chosen_rows` for the arguments."""
    return _chosen_rows(stretch, writing, changes, chosen, given)[0]


def _rows(data: bytes, bounds: np.ndarray, chosen: np.ndarray) -> Iterator[bytes]:
    starts, ends = bounds[chosen].tolist(), bounds[chosen + 1].tolist()
    return (data[start:end] for start, end in zip(starts, ends, strict=True))


def sort_rows(
    stretch: Stretch,
    writing: Writing,
    changes: Sequence[int],
    chosen: np.ndarray,
    given: Given,
    cuts: np.ndarray,
    target: Path,
) -> tuple[np.ndarray, np.ndarray]:
    """Write some rows of a stretch in another order into a file of their own, and their lengths into one next to it.

    Args:
        stretch: see `_chosen_rows`, as for the next four.
        writing: how rows are written.
        changes: the columns that need a look.
        chosen: the rows in their order.
        given: a number for each of them, of the columns whose cells are given.
        cuts: where the file is cut later on, in rows.
        target: the file.

    Returns:
        The cuts in rows, as they came, and in bytes.
    """
    data, bounds = _chosen_rows(stretch, writing, changes, chosen, given)
    target.write_bytes(data)
    lengths_of(target).write_bytes(np.diff(bounds).astype(np.int32).tobytes())
    return cuts, bounds[cuts]


def lengths_of(sorted_rows: Path) -> Path:
    """The file with the lengths of rows next to them."""
    return sorted_rows.with_suffix(".lengths")


def merge_rows(pieces: Sequence[tuple[Path, int, int, int, int]], order: np.ndarray, target: Path, offset: int) -> None:
    """Put rows of several files together and write them into their place.

    Args:
        pieces: files that `sort_rows` wrote, each with the first row and the one after the last, and the first byte and the one
            after the last.
        order: for each row of the result its place among the rows of all pieces.
        target: the file to write into.
        offset: the byte to write at.
    """
    texts, lengths = [], []
    for path, first_row, last_row, first, last in pieces:
        texts.append(_part(path, first, last))
        lengths.append(np.frombuffer(_part(lengths_of(path), 4 * first_row, 4 * last_row), np.int32))
    bounds = np.append(0, np.cumsum(np.concatenate(lengths), dtype=np.int64))
    with target.open("r+b") as file:
        file.seek(offset)
        file.write(b"".join(_rows(b"".join(texts), bounds, order)))


def _part(path: Path, start: int, end: int) -> bytes:
    with path.open("rb", buffering=0) as file:
        return os.pread(file.fileno(), end - start, start)


def pick_rows(stretch: Stretch, chosen: np.ndarray) -> bytes:
    """The bytes of some rows of a stretch unchanged, in the order given."""
    data = stretch.read()
    return b"".join(_rows(data, row_bounds(data), chosen))


def read_columns(stretch: Stretch, header: bytes, names: list[str], types: Mapping[str, Any], reading: Reading) -> pd.DataFrame:
    """Some columns of a stretch; text comes as categories, which take less to send."""
    kinds = {name: "category" if types[name].kind == "O" else types[name] for name in names}
    table: pd.DataFrame = pd.read_csv(io.BytesIO(header + stretch.read()), usecols=names, dtype=kinds, **reading.options)
    return table


def hash_columns(stretch: Stretch, header: bytes, names: list[str], types: Mapping[str, Any], reading: Reading) -> np.ndarray:
    """`hash_rows` of some columns of a stretch."""
    table = pd.read_csv(io.BytesIO(header + stretch.read()), usecols=names, dtype=dict(types), **reading.options)
    return hash_rows(table[names])


def hash_rows(table: pd.DataFrame) -> np.ndarray:
    """One number per row, equal for rows with equal text."""
    first, *others = (table[name] for name in table)
    joined = first
    for other in others:
        joined = joined + "\0" + other
    return pd.util.hash_pandas_object(joined, index=False).to_numpy()
