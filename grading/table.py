"""Reading the tables of grading from their files: a submission, which nobody vouches for, and the answers."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from grading.extent import Extent
from grading.header import refuse_repeated, require_columns
from grading.inferred import read_inferred
from grading.invalid import InvalidSubmission
from grading.known_ids import KnownIds
from grading.layout import Header, PlainRows, RowCount, begins_with_mark, read_header, scan_rows
from grading.pieces import Pieces, SubmissionTable
from grading.submission import MISSING_WORDS

_BYTES_AT_ONCE = 2**23
_BOOLEANS = ("True", "TRUE", "true", "False", "FALSE", "false")
"""What pandas takes for a truth value."""


@dataclass(frozen=True)
class Wanted:
    """The columns that are read of a submission.

    Attributes:
        text: required columns that are kept as text to the letter (leading zeros, `NA` as a word).
        numbers: required columns of numbers.
        optional: further ones that are read where the file has them, as text with NaN for the words of a missing value.
        booleans: those of `numbers` that may hold `True` and `False` alone, which are 1 and 0, as pandas takes them.
    """

    text: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    booleans: tuple[str, ...] = ()


def read_submission(
    path: Path, wanted: Wanted, extent: Extent, *, as_written: bool = False, known: KnownIds | None = None
) -> SubmissionTable:
    """Read the wanted columns of a submission, and no others; time and memory are bounded by `extent`.

    Args:
        path: the csv file.
        wanted: the columns. Numbers are parsed with round-trip precision, empty cells and the like as NaN; if one cell of
            any column is no number, all cells are kept as they are written.
        extent: how large the file may be.
        as_written: keep the cells of all columns as they are written.
        known: the ids that are asked for, if they are to be matched by their bytes; their columns are among `wanted.text`.

    Raises:
        InvalidSubmission: if the file is no csv text in UTF-8, is larger than `extent`, lacks a required column, names one
            twice, or could be read in two ways.
    """
    with _opened(path, extent) as file:
        header = read_header(file, extent)
        places = _places(header, wanted)
        last_needed = max(places, default=0)
        pieces = Pieces(places, set() if as_written else {*wanted.numbers}, {*wanted.optional}, known)
        rows = scan_rows(file, header, last_needed, extent, pieces.take)
        if rows.count == 0:
            return SubmissionTable(pd.DataFrame(columns=list(places.values()), dtype=str), None)
        if (read := pieces.joined()) is not None:
            return read
    if known is not None:
        return read_submission(path, wanted, extent, as_written=as_written)
    with _opened(path, extent) as file:
        return SubmissionTable(_parse_with_care(file, path, header, places, rows, wanted, extent, as_written=as_written), None)


def _parse_with_care(
    file: BinaryIO,
    path: Path,
    header: Header,
    places: Mapping[int, str],
    rows: RowCount,
    wanted: Wanted,
    extent: Extent,
    *,
    as_written: bool,
) -> pd.DataFrame:
    """The columns of a file that passed the scan, whatever its numbers look like."""
    last_needed = max(places, default=0)
    rows_at_once = max(1, rows.count * _BYTES_AT_ONCE // path.stat().st_size)

    def parse(numbers: Iterable[str]) -> pd.DataFrame:
        # the end of the header's line comes first where pandas would drop a byte order mark
        file.seek(header.end - 1 if begins_with_mark(file, header) else header.end)
        # pandas loses its place among lone carriage returns, and fails on some rows of many widths
        source = PlainRows(file, header, last_needed, extent) if rows.end_oddly or rows.are_ragged else file
        return _parse(source, places, {*numbers}, wanted.optional, rows_at_once)

    if not as_written:
        # a cell that is no number is named by its kind, as it is written
        with suppress(ValueError):
            table = parse(wanted.numbers)
            numbers = [name for name in table if name in wanted.numbers]
            if not _may_hold_booleans(table[numbers], path):
                return table
            text = parse(())
            return text if _holds_odd_booleans(text[numbers], wanted.booleans) else table
    try:
        return parse(())
    except ValueError as error:
        # what passed the scan is a table, unless the file has changed since
        raise InvalidSubmission(f"the file cannot be read as csv: {error}") from None


def _may_hold_booleans(numbers: pd.DataFrame, path: Path) -> bool:
    """Whether some numbers may have been written as words, which pandas takes where a piece of a column holds no others."""
    if not numbers.isin((0.0, 1.0)).any(axis=None):
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(word.encode()) >= 0 for word in _BOOLEANS)


def _holds_odd_booleans(text: pd.DataFrame, allowed: tuple[str, ...]) -> bool:
    """Whether a column of numbers, read as text, holds `True` or `False` where it may not."""
    are_words = text.isin(_BOOLEANS)
    return any(are_words[name].any() and not (name in allowed and are_words[name].all()) for name in are_words)


def measure(path: Path, extent: Extent) -> None:
    """Hold a submission against its bounds, for a reader of another kind.

    Raises:
        InvalidSubmission: if the file is no csv text in UTF-8, is larger than `extent`, or could be read in two ways.
    """
    with _opened(path, extent) as file:
        scan_rows(file, read_header(file, extent), 0, extent)


def _opened(path: Path, extent: Extent) -> BinaryIO:
    size = path.stat().st_size
    if size > extent.largest_file:
        raise InvalidSubmission(
            f"the file has {size:,} bytes, far more than a submission needs; at most {extent.largest_file:,} are read"
        )
    return path.open("rb")


def _places(header: Header, wanted: Wanted) -> dict[int, str]:
    """The wanted columns that the file has, by position, ascending."""
    required = [*wanted.text, *wanted.numbers]
    if set(wanted.optional).isdisjoint(header.names):
        require_columns(header.names, required, header.head)
    refuse_repeated(header.names, [*required, *wanted.optional])
    names = {*required, *wanted.optional}
    return {place: name for place, name in enumerate(header.names) if name in names}


def _parse(source: Any, places: Mapping[int, str], numbers: set[str], optional: Iterable[str], rows_at_once: int) -> pd.DataFrame:
    """The columns at some places of rows without a header, `numbers` as numbers.

    Raises:
        ValueError: a cell of `numbers` is no number.
    """
    names = list(places.values())
    with pd.read_csv(
        source,
        header=None,
        names=names,
        usecols=list(places),
        index_col=False,
        dtype={name: np.float64 if name in numbers else str for name in names},
        keep_default_na=False,
        na_values=dict.fromkeys(numbers.union(optional).intersection(names), MISSING_WORDS),
        float_precision="round_trip",
        low_memory=False,
        chunksize=rows_at_once,
    ) as chunks:
        parts = list(chunks)
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def read_answers(path: Path, text_columns: Iterable[str]) -> pd.DataFrame:
    """Read a csv file of ours whole, all columns but some as pandas parses them.

    Args:
        path: the csv file.
        text_columns: columns kept as text to the letter; all others are parsed with round-trip float precision.

    Raises:
        InvalidSubmission: if the file is no table.
    """
    text_columns = set(text_columns)
    if (table := read_inferred(path, text_columns)) is not None:
        return table
    try:
        header = pd.read_csv(path, nrows=0).columns
        text = text_columns.intersection(header)
        return pd.read_csv(
            path,
            dtype=dict.fromkeys(text, str),
            keep_default_na=False,
            na_values={column: MISSING_WORDS for column in header if column not in text},
            float_precision="round_trip",
            low_memory=False,
            index_col=False,
        )
    except (ValueError, OverflowError) as error:
        raise InvalidSubmission(f"the file cannot be read as csv: {' '.join(str(error).split())[:200]}") from None
