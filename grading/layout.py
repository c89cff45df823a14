"""Locates the rows and cells of a csv file in one linear pass before any parser sees it.

The rules are those of RFC 4180 as commonly implemented: a quote opens a cell only at its beginning, `""` inside is a
quote, a row ends with LF, CRLF or CR, and blank lines are ignored. Anything that readers interpret differently is rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

import numpy as np

from grading.extent import Extent
from grading.foreign_formats import foreign_format, foreign_text
from grading.grid import Grid, grid_of
from grading.invalid import InvalidSubmission
from grading.wording import counted, listed

_BLOCK = 2**18
_BOM = b"\xef\xbb\xbf"
_COMMA, _QUOTE, _LF, _CR, _BLANK, _TAB = b',"\n\r \t'
_HEAD = 2**16


@dataclass(frozen=True)
class Header:
    """The first row of a file.

    Attributes:
        names: the names of the columns, verbatim.
        end: the position of the first byte after it.
        head: the first bytes of the file, to identify its format.
    """

    names: list[str]
    end: int
    head: bytes


class _Cells(NamedTuple):
    """The cells of a block of whole rows."""

    ends: np.ndarray
    """The position after each cell, ascending."""
    closes_row: np.ndarray
    """Whether each cell is the last one of its row, same shape."""
    is_open: bool
    """Whether the block ends within quotes."""

    def last_of_rows(self) -> int:
        """The index of the last cell that closes a row, -1 if none."""
        behind = int(self.closes_row[::-1].argmax()) if len(self.closes_row) else 0
        last = len(self.closes_row) - 1 - behind
        return last if last >= 0 and self.closes_row[last] else -1


def read_header(file: BinaryIO, extent: Extent) -> Header:
    """Read the first row.

    Raises:
        InvalidSubmission: if the file is not UTF-8 csv text, is empty, or its first row is longer than any valid one.
    """
    head = file.read(_HEAD)
    _refuse_foreign(head)
    try:
        begin, row, ends = _first_row(file, head, extent)
        _refuse_long_header(len(ends), len(row), extent)
    except InvalidSubmission as error:
        raise InvalidSubmission(foreign_text(head) or str(error)) from None
    begins = [0, *(end + 1 for end in ends[:-1])]
    names = [_cell_text(row[left:right], begin + left, file) for left, right in zip(begins, ends, strict=True)]
    return Header(names, begin + len(row) + 1, head)


def _first_row(file: BinaryIO, head: bytes, extent: Extent) -> tuple[int, bytes, list[int]]:
    """The first row that is not blank: its position, its bytes, and where its cells end in it."""
    if first := _row_in(head, len(head) < _HEAD, file):
        return first
    if len(head) == _HEAD:
        longest = extent.longest_header + len(_BOM)
        text = head + file.read(longest + 2 - _HEAD)
        if first := _row_in(text, len(text) < longest + 2, file):
            return first
    raise InvalidSubmission(_about_no_row(file, extent))


def _row_in(text: bytes, is_whole: bool, file: BinaryIO) -> tuple[int, bytes, list[int]] | None:
    """The same in the first bytes of a file, which may be all of it."""
    start = len(_BOM) if text.startswith(_BOM) else 0
    block = text[start:] + (b"\n" if is_whole else b"")
    cells = _find_cells(block, start, file)
    begin = first = 0
    for last in np.flatnonzero(cells.closes_row).tolist():
        end = int(cells.ends[last])
        if block[begin:end].strip(b" \t"):
            return start + begin, block[begin:end], (cells.ends[first : last + 1] - begin).tolist()
        begin, first = end + 1, last + 1
    return None


def _about_no_row(file: BinaryIO, extent: Extent) -> str:
    """What is wrong with a file that does not start with a complete row."""
    size = _size(file)
    if size > extent.longest_header:
        file.seek(0)
        commas = file.read(extent.longest_header).count(b",")
        _refuse_long_header(commas + 1, size, extent)
    file.seek(0)
    if b'"' in file.read(extent.longest_header):
        return "a quote in the first line is never closed; the first line must hold the column names"
    return "the file is empty; the first line must hold the column names"


@dataclass(frozen=True)
class RowCount:
    """The rows after the header.

    Attributes:
        count: number of rows that are not blank.
        end_oddly: whether some end with a lone carriage return.
        are_ragged: whether they differ in their number of cells.
    """

    count: int
    end_oddly: bool
    are_ragged: bool


def scan_rows(
    file: BinaryIO, header: Header, last_needed: int, extent: Extent, take: Callable[[Grid | None], None] | None = None
) -> RowCount:
    """Scan all rows after the header.

    Args:
        file: open for reading.
        header: as `read_header` gave it.
        last_needed: position of the last column that is read.
        extent: the bounds.
        take: receives the rows chunk by chunk; None for a chunk whose rows are not all as wide as the header.

    Raises:
        InvalidSubmission: with the line number, if the file is not UTF-8 text, exceeds the bounds, or is ambiguous.
    """
    rows, widths, width = 0, set[int](), len(header.names)
    ends_of_lines = _LineEnds(_size(file))
    for offset, block, cells in _blocks(file, header.end, extent):
        grid = grid_of(block, cells.ends, cells.closes_row, width)
        if grid is not None and len(block) > extent.largest_cell:
            grid = None
        line_ends = cells.ends[cells.closes_row] if grid is None or b"\r" in block else grid.line_ends
        ends_of_lines.look_at(offset, block, line_ends)
        if ends_of_lines.mixed is not None:
            line = _line_of(file, ends_of_lines.mixed)
            raise InvalidSubmission(
                f"line {line} contains a carriage return outside quotes, but other lines end with a line feed; quote cells that "
                "contain line breaks and use one line ending throughout"
            )
        # the header line may end with this chunk
        if take is not None and block != b"\n":
            take(grid)
        if grid is not None:
            rows += len(grid)
            _refuse_many_rows(rows, extent)
            widths.add(width)
            continue
        rows += _check_rows(file, offset, block, cells, width, last_needed, extent)
        _refuse_many_rows(rows, extent)
        counts = np.diff(np.flatnonzero(cells.closes_row), prepend=-1)
        # the two bytes of a CRLF enclose a row of one cell
        filled = counts[counts > 1]
        widths |= {int(filled.min()), int(filled.max())} if len(filled) else set()
    return RowCount(rows, ends_of_lines.are_odd, len(widths) > 1)


def begins_with_mark(file: BinaryIO, header: Header) -> bool:
    """Whether the first row after the header begins with a byte order mark, which is text there."""
    file.seek(header.end)
    return file.read(len(_BOM)) == _BOM


class PlainRows:
    """The bytes of the rows after the header, as a file object that can be read once.

    Each row is cut after the cell at `last_needed` and ends with a line feed.
    """

    def __init__(self, file: BinaryIO, header: Header, last_needed: int, extent: Extent) -> None:
        self._blocks = _blocks(file, header.end, extent)
        self._last_needed = last_needed
        # a leading blank line keeps pandas from dropping a byte order mark
        self._rest = b"\n" if begins_with_mark(file, header) else b""

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; by default all remaining ones."""
        parts = [self._rest]
        while (size < 0 or sum(map(len, parts)) < size) and (block := next(self._blocks, None)):
            _, text, cells = block
            parts.append(self._plain(text, cells))
        text = b"".join(parts)
        taken, self._rest = (text, b"") if size < 0 else (text[:size], text[size:])
        return taken

    def _plain(self, text: bytes, cells: _Cells) -> bytes:
        data = np.frombuffer(text, dtype=np.uint8).copy()
        last = np.flatnonzero(cells.closes_row)
        first = np.concatenate([[0], last[:-1] + 1])
        ends, line_ends = cells.ends[np.minimum(first + self._last_needed, last)], cells.ends[last]
        data[line_ends] = _LF
        surplus = np.zeros(len(data) + 1, dtype=np.int8)
        surplus[ends] += 1
        surplus[line_ends] -= 1
        return bytes(data[np.cumsum(surplus[:-1], dtype=np.int8) == 0])

    def __iter__(self) -> Iterator[bytes]:
        while data := self.read(_BLOCK):
            yield data


def _blocks(file: BinaryIO, start: int, extent: Extent) -> Iterator[tuple[int, bytes, _Cells]]:
    """Yield whole rows in blocks of bounded size: the position of the block in the file, the block and its cells."""
    file.seek(start)
    rest, offset, is_last = b"", start, False
    while not is_last:
        # a growing remainder would be scanned repeatedly
        data = file.read(max(_BLOCK, len(rest)))
        # never split a run of line endings, since a lone carriage return has another meaning
        while data.endswith(b"\r") and len(data) < 2 * _BLOCK + len(rest) and (more := file.read(_HEAD)):
            data += more
        is_last = not data
        block = rest + (data or b"\n")
        if is_last and not rest:
            return
        cells = _find_cells(block, offset, file)
        last = cells.last_of_rows()
        cut = int(cells.ends[last]) + 1 if last >= 0 else 0
        if is_last and cells.is_open:
            line = _line_of(file, offset + cut)
            raise InvalidSubmission(
                f"a quote opens in line {line} and is never closed; close it, and double any quote inside a quoted cell"
            )
        if cut:
            yield offset, block[:cut], _Cells(cells.ends[: last + 1], cells.closes_row[: last + 1], False)
        rest, offset = block[cut:], offset + cut
        if not is_last:
            _refuse_long_rest(file, offset, rest, cells, last, cut, extent)


def _find_cells(block: bytes, offset: int, file: BinaryIO) -> _Cells:
    """The cells of a block that begins with a row."""
    nul = block.find(b"\0")
    if nul >= 0:
        raise InvalidSubmission(_about_nul(file, offset + nul))
    if not block.isascii():
        _require_utf8(block, offset, file)
    data = np.frombuffer(block, dtype=np.uint8)
    marks = (data == _COMMA) | (data == _LF)
    if b"\r" in block:
        marks |= data == _CR
    if b'"' in block:
        if cells := _simply_quoted(data, marks):
            return cells
        inside, is_open = _inside_quotes(data, marks, offset, file)
        marks &= ~inside
    else:
        is_open = False
    ends = np.flatnonzero(marks)
    return _Cells(ends, data[ends] != _COMMA, is_open)


def _simply_quoted(data: np.ndarray, marks: np.ndarray) -> _Cells | None:
    """The cells of a block in which every quote encloses a cell or is doubled; None otherwise.

    Then every other quote opens, after a separator or a quote, and the next one closes, before a separator or a quote.
    """
    places = np.flatnonzero(marks | (data == _QUOTE))
    letters = data[places]
    is_quote = letters == _QUOTE
    is_inside = np.bitwise_xor.accumulate(is_quote)
    quotes = np.flatnonzero(is_quote)
    opening, closing = quotes[::2], quotes[1::2]
    if opening[0] == 0:
        if places[0] != 0:
            return None
        opening = opening[1:]
    if not (places[opening] - places[opening - 1] == 1).all():
        return None
    # a quote after an opening quote closes the cell, so only separators and doubled quotes precede others
    if len(closing) and closing[-1] == len(places) - 1:
        if places[-1] != len(data) - 1:
            return None
        closing = closing[:-1]
    if not (places[closing + 1] - places[closing] == 1).all():
        return None
    kept = ~(is_quote | is_inside)
    return _Cells(places[kept], letters[kept] != _COMMA, bool(is_inside[-1]))


def _inside_quotes(data: np.ndarray, marks: np.ndarray, offset: int, file: BinaryIO) -> tuple[np.ndarray, bool]:
    """Which bytes are within quoted cells, and whether the block ends within one.

    Within a quoted cell an even run of quotes belongs to its text, and an odd one closes it; elsewhere a run at the beginning of
    a cell opens it if odd and is an empty cell if even; any other run is literal text. So odd runs at the beginning
    of a cell toggle the state, all other odd runs leave it outside, and even runs change nothing.
    """
    is_quote = data == _QUOTE
    edges = np.flatnonzero(np.diff(is_quote, prepend=False, append=False))
    starts, stops = edges[::2], edges[1::2]
    is_odd = (stops - starts) % 2 == 1
    begins_cell = (starts == 0) | marks[starts - 1]
    turns = np.cumsum(is_odd & begins_cell)
    after = (turns - np.maximum.accumulate(np.where(is_odd & ~begins_cell, turns, 0))) % 2 == 1
    before = np.concatenate([[False], after[:-1]])
    behind = stops[~after & (before | begins_cell) & (stops < len(data))]
    if not marks[behind].all():
        line = _line_of(file, offset + int(behind[~marks[behind]][0]))
        raise InvalidSubmission(
            f"line {line}: text follows a closing quote; double quotes inside a quoted cell (do not use backslashes)"
        )
    _refuse_blanks_before(starts[~before & ~begins_cell], data, marks, offset, file)
    turning = np.zeros(len(data), dtype=np.uint8)
    turning[starts[before != after]] = 1
    return (np.cumsum(turning, dtype=np.uint8) % 2).astype(bool), bool(after[-1])


def _refuse_blanks_before(quotes: np.ndarray, data: np.ndarray, marks: np.ndarray, offset: int, file: BinaryIO) -> None:
    """Reject quotes preceded in their cell only by blanks, which some readers skip."""
    is_blank = (data == _BLANK) | (data == _TAB)
    quotes = quotes[is_blank[quotes - 1]]
    if not len(quotes):
        return
    last_letter = np.maximum.accumulate(np.where(is_blank, -1, np.arange(len(data))))[quotes - 1]
    odd = quotes[(last_letter < 0) | marks[last_letter]]
    if len(odd):
        line = _line_of(file, offset + int(odd[0]))
        raise InvalidSubmission(f"line {line}: a space precedes an opening quote; remove it")


def _check_rows(file: BinaryIO, offset: int, block: bytes, cells: _Cells, width: int, last_needed: int, extent: Extent) -> int:
    """Check the rows of a block against the header and the bounds; return their number."""
    if not len(cells.ends):
        return 0
    lengths = np.diff(cells.ends, prepend=-1) - 1
    if lengths.max() > extent.largest_cell:
        long = int(lengths.argmax())
        _refuse_long_cell(file, offset + int(cells.ends[long]), extent)
    rows = np.flatnonzero(cells.closes_row)
    counts = np.diff(rows, prepend=-1)
    is_blank = (counts == 1) & (lengths[rows] == 0)
    if counts.max() > width:
        _refuse_wide_rows(file, offset, cells, rows, counts, width, extent)
    short = np.flatnonzero((counts <= last_needed) & ~is_blank)
    _refuse_many_rows(len(short), extent)
    for row in short.tolist():
        begin = int(cells.ends[rows[row] - counts[row]]) + 1 if rows[row] >= counts[row] else 0
        if block[begin : int(cells.ends[rows[row]])].strip(b" \t"):
            raise InvalidSubmission(
                f"line {_line_of(file, offset + begin)} has {counted(int(counts[row]), 'cell')}, but the first line has "
                f"{counted(width, 'column')}; write every cell, separated by commas"
            )
        is_blank[row] = True
    return len(rows) - int(is_blank.sum())


def _refuse_many_rows(rows: int, extent: Extent) -> None:
    if rows > extent.most_rows:
        expected = extent.rows()
        told = f", but {counted(expected, 'row')} {'is' if expected == 1 else 'are'} expected" if expected else ""
        raise InvalidSubmission(f"the file has more than {counted(extent.most_rows, 'row')}{told}; see the sample submission")


def _refuse_wide_rows(
    file: BinaryIO, offset: int, cells: _Cells, rows: np.ndarray, counts: np.ndarray, width: int, extent: Extent
) -> None:
    """Reject rows that are wider than the header, except for empty cells at the end."""
    wide = np.flatnonzero(counts > width)
    last_named = rows[wide] - counts[wide] + width
    surplus = cells.ends[rows[wide]] - cells.ends[last_named]
    filled = np.flatnonzero((surplus != counts[wide] - width) | (counts[wide] > extent.most_columns))
    if len(filled):
        row = int(wide[filled[0]])
        begin = int(cells.ends[rows[row] - counts[row]]) + 1 if rows[row] >= counts[row] else 0
        count = int(counts[row])
        index = ", and do not write the index (`index=False`)" if count == width + 1 else ""
        raise InvalidSubmission(
            f"line {_line_of(file, offset + begin)} has {counted(count, 'cell')}, more than there are column names "
            f"({width:,}); quote cells that contain commas{index}"
        )


def _refuse_long_rest(file: BinaryIO, offset: int, rest: bytes, cells: _Cells, last: int, cut: int, extent: Extent) -> None:
    """Reject a row that exceeds the bounds."""
    within = cells.ends[last + 1 :]
    if len(within) > extent.most_columns:
        raise InvalidSubmission(
            f"line {_line_of(file, offset)} has more than {extent.most_columns:,} cells, but {len(extent.columns):,} are "
            "expected; check whether rows and columns are swapped"
        )
    lengths = np.diff(within, prepend=cut - 1) - 1
    open_length = len(rest) - (int(within[-1]) + 1 - cut if len(within) else 0)
    if open_length > extent.largest_cell or (len(lengths) and lengths.max() > extent.largest_cell):
        _refuse_long_cell(file, offset, extent)
    if len(rest) > extent.longest_row:
        raise InvalidSubmission(f"the row in line {_line_of(file, offset)} is longer than {counted(extent.longest_row, 'byte')}")


def _refuse_long_cell(file: BinaryIO, position: int, extent: Extent) -> None:
    raise InvalidSubmission(
        f"line {_line_of(file, position)} holds a cell of more than {extent.largest_cell:,} bytes, longer than any valid one; "
        "check whether a quote is not closed"
    )


def _refuse_long_header(columns: int, length: int, extent: Extent) -> None:
    expected = f"{counted(len(extent.columns), 'column')} {'is' if len(extent.columns) == 1 else 'are'} expected"
    or_more = " or more" if length > extent.longest_header else ""
    if columns > extent.most_columns:
        raise InvalidSubmission(
            f"the first line has {columns:,} columns{or_more}, but {expected} ({listed(extent.columns)}); check "
            "whether rows and columns are swapped"
        )
    if length > extent.longest_header:
        raise InvalidSubmission(
            f"the first line is longer than {extent.longest_header:,} bytes, but {expected} ({listed(extent.columns)}); check "
            "whether line breaks are missing"
        )


def _refuse_foreign(head: bytes) -> None:
    if what := foreign_format(head):
        raise InvalidSubmission(what)


def _cell_text(cell: bytes, position: int, file: BinaryIO) -> str:
    if not cell.isascii():
        _require_utf8(cell, position, file)
    text = cell.decode()
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


def _require_utf8(block: bytes, offset: int, file: BinaryIO) -> None:
    try:
        block.decode()
    except UnicodeDecodeError as error:
        is_cut = error.end == len(block) and error.reason == "unexpected end of data"
        if is_cut and _size(file) > offset + len(block):
            # the rest of the character is in the next block
            return
        raise InvalidSubmission(
            f"the file is not UTF-8 text: line {_line_of(file, offset + error.start)} has the byte 0x{block[error.start]:02x} "
            f"(position {offset + error.start:,}); save it as UTF-8"
        ) from None


def _about_nul(file: BinaryIO, position: int) -> str:
    line = _line_of(file, position)
    file.seek(position)
    count = rest = 0
    while data := file.read(_BLOCK):
        count += len(data)
        rest += len(data.strip(b"\0"))
    if rest == 0:
        return f"the file ends in {counted(count, 'NUL byte')}, starting in line {line}: the write was cut off; write it again"
    return f"line {line} contains a NUL byte (position {position:,}), at which some readers cut the text; remove it"


def _line_of(file: BinaryIO, position: int) -> str:
    """The line number of a byte as an editor counts, from 1."""
    back = file.tell()
    file.seek(0)
    feeds = returns = pairs = 0
    while position > 0 and (data := file.read(min(_BLOCK, position))):
        position -= len(data)
        feeds, returns, pairs = feeds + data.count(b"\n"), returns + data.count(b"\r"), pairs + data.count(b"\r\n")
    file.seek(back)
    return f"{1 + (feeds or returns):,}"


def _size(file: BinaryIO) -> int:
    back = file.tell()
    size = file.seek(0, 2)
    file.seek(back)
    return size


class _LineEnds:
    """Whether some rows end with a lone carriage return and others do not; blank lines belong to the row before."""

    def __init__(self, size: int) -> None:
        """`size`: bytes of the file."""
        self._size = size
        self._lone: int | None = None
        self._has_feed = False
        self.are_odd = False
        """Whether a carriage return appears anywhere but before a line feed."""

    @property
    def mixed(self) -> int | None:
        """The position of a lone carriage return, if other rows end with a line feed."""
        return self._lone if self._has_feed else None

    def look_at(self, offset: int, block: bytes, ends: np.ndarray) -> None:
        """Add the next block of rows, which end at `ends`."""
        # the last row may end with the file
        ends = ends[ends < self._size - offset]
        if not len(ends):
            return
        if b"\r" not in block or block.count(b"\r") == block.count(b"\r\n"):
            self._has_feed = True
            return
        self.are_odd = True
        is_feed = np.frombuffer(block, dtype=np.uint8)[ends] == _LF
        runs = np.flatnonzero(np.diff(ends, prepend=-2) != 1)
        feeds = np.add.reduceat(is_feed, runs, dtype=np.int64)
        self._has_feed |= bool(feeds.any())
        lone = ends[runs[feeds == 0]] + offset
        lone = lone[lone < self._size - 1]
        if len(lone) and self._lone is None:
            self._lone = int(lone[0])
