"""Reads the tables that grading uses: an untrusted submission, and the answers."""

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
"""What pandas reads as a boolean."""


@dataclass(frozen=True)
class Wanted:
    """The columns that are read from a submission.

    Attributes:
        text: required columns kept verbatim as text (leading zeros, `NA` as a word).
        numbers: required columns of numbers.
        optional: further columns, read if present, as text with NaN for words that mean a missing value.
        booleans: those of `numbers` that may hold only `True` and `False`, read as 1 and 0 as in pandas.
    """

    text: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    booleans: tuple[str, ...] = ()


def read_submission(
    path: Path, wanted: Wanted, extent: Extent, *, as_written: bool = False, known: KnownIds | None = None
) -> SubmissionTable:
    """Read only the requested columns of a submission, in time and memory bounded by `extent`.

    Args:
        path: the csv file.
        wanted: the columns. Numbers are parsed with round-trip precision, empty cells and similar as NaN; if one cell of
            any column is not a number, all cells are kept as written.
        extent: how large the file may be.
        as_written: keep the cells of all columns as written.
        known: the expected ids, if they should be matched by their bytes; their columns are among `wanted.text`.

    Raises:
        InvalidSubmission: if the file is not UTF-8 csv text, is larger than `extent`, lacks a required column, has one
            twice, or is ambiguous.
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
    """The columns of a file that passed the scan, with numbers in any notation."""
    last_needed = max(places, default=0)
    rows_at_once = max(1, rows.count * _BYTES_AT_ONCE // path.stat().st_size)

    def parse(numbers: Iterable[str]) -> pd.DataFrame:
        # a leading line ending keeps pandas from dropping a byte order mark
        file.seek(header.end - 1 if begins_with_mark(file, header) else header.end)
        # pandas miscounts at lone carriage returns and fails on some rows of varying width
        source = PlainRows(file, header, last_needed, extent) if rows.end_oddly or rows.are_ragged else file
        return _parse(source, places, {*numbers}, wanted.optional, rows_at_once)

    if not as_written:
        # the column's kind reports a cell that is not a number, as written
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
        # a file that passed the scan is a table unless it has changed since
        raise InvalidSubmission(f"the file cannot be read as csv: {error}") from None


def _may_hold_booleans(numbers: pd.DataFrame, path: Path) -> bool:
    """Whether some numbers may be written as words, which pandas accepts if a chunk of the column holds only these."""
    if not numbers.isin((0.0, 1.0)).any(axis=None):
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(word.encode()) >= 0 for word in _BOOLEANS)


def _holds_odd_booleans(text: pd.DataFrame, allowed: tuple[str, ...]) -> bool:
    """Whether a number column, read as text, holds a disallowed `True` or `False`."""
    are_words = text.isin(_BOOLEANS)
    return any(are_words[name].any() and not (name in allowed and are_words[name].all()) for name in are_words)


def measure(path: Path, extent: Extent) -> None:
    """Check a submission against its bounds, for other kinds of readers.

    Raises:
        InvalidSubmission: if the file is not UTF-8 csv text, is larger than `extent`, or is ambiguous.
    """
    with _opened(path, extent) as file:
        scan_rows(file, read_header(file, extent), 0, extent)


def _opened(path: Path, extent: Extent) -> BinaryIO:
    size = path.stat().st_size
    if size > extent.largest_file:
        raise InvalidSubmission(
            f"the file has {size:,} bytes, far more than a submission needs; the limit is {extent.largest_file:,} bytes"
        )
    return path.open("rb")


def _places(header: Header, wanted: Wanted) -> dict[int, str]:
    """The requested columns that the file has, by position, ascending."""
    required = [*wanted.text, *wanted.numbers]
    if set(wanted.optional).isdisjoint(header.names):
        require_columns(header.names, required, header.head)
    refuse_repeated(header.names, [*required, *wanted.optional])
    names = {*required, *wanted.optional}
    return {place: name for place, name in enumerate(header.names) if name in names}


def _parse(source: Any, places: Mapping[int, str], numbers: set[str], optional: Iterable[str], rows_at_once: int) -> pd.DataFrame:
    """The columns at given positions of rows without a header, with `numbers` parsed.

    Raises:
        ValueError: a cell of `numbers` is not a number.
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
    """Read a whole csv file of the harness; pandas infers the type of all columns except `text_columns`.

    Args:
        path: the csv file.
        text_columns: columns kept verbatim as text; all others are parsed with round-trip float precision.

    Raises:
        InvalidSubmission: if the file is not a table.
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
