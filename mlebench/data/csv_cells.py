"""Csv as bytes: where the cells lie, which of them pandas would write just unchanged, and what it would write for the others.

Most cells of a large table need no conversion: a whole number without superfluous zeros, a decimal number of at most 15
significant digits that is as short as it can be, a text without needless quotes. What is more than these rules can prove is
left to Python's and pandas' own conversions, cell by cell, or to `Unproven`, after which the table is read in the plain way.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas._libs.parsers import STR_NA_VALUES  # type: ignore[import-not-found]

INTEGER, DECIMAL, TRUTH, TEXT = 1, 2, 4, 8
"""Kinds of cells, which add up to the kinds of a column; an empty cell counts as a decimal, as it makes a column one."""

_KINDS = {"i": INTEGER, "f": DECIMAL, "b": TRUTH, "O": TEXT}
_COMMA, _LINE_END, _CARRIAGE, _QUOTE, _POINT, _MINUS, _ZERO = b',\n\r".-0'
_LONGEST_NUMBER = 19
_EXACT_DIGITS = 15
"""A decimal number of that many significant digits is the shortest text of the double next to it."""
_MOST_DIGITS = 17
"""No double needs more significant digits."""
_POWERS_OF_TEN = np.cumprod(np.append(np.longdouble(1), np.full(27, 10, np.longdouble)))
"""Exact with 64 bits, as 5 to the 27th has fewer."""
_FEW = 0.05
_SAMPLE = 200
_HUGE = re.compile(rb"\D*\d{19,}\D*")


class Unproven(Exception):
    """The bytes hold something of which only pandas, reading in the plain way, can tell what it is."""


@dataclass(frozen=True)
class Reading:
    """How pandas reads a table, as far as it differs.

    Attributes:
        words_are_missing: whether empty cells and words such as `NA` are missing values.
        precision: pandas' `float_precision`; only with `round_trip` does Python's `float` read a number of any length alike.
    """

    words_are_missing: bool = True
    precision: str | None = "round_trip"

    @property
    def options(self) -> dict[str, Any]:
        """For `pandas.read_csv`."""
        return {"keep_default_na": self.words_are_missing, "float_precision": self.precision}


@dataclass(frozen=True)
class Cells:
    """Where the cells of some whole rows lie; both arrays have a row per row and a column per column.

    Attributes:
        data: the bytes of the rows, the line end of the last one included.
        view: the same as an array.
        starts: the first byte of each cell.
        ends: the byte after its last one.
    """

    data: bytes
    view: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    @classmethod
    def find(cls, data: bytes, width: int) -> Cells:
        """Find the cells of rows that are `width` cells wide, at least 2.

        Raises:
            Unproven: a row has another width, a quote stands where none is expected, a line ends otherwise than in `\\n` or
                `\\r\\n`, or the bytes are not text.
        """
        view = np.frombuffer(data, np.uint8)
        if b"\0" in data or not _is_text(data):
            raise Unproven
        separators: np.ndarray = (view == _COMMA) | (view == _LINE_END)
        outside = _outside_quotes(view) if b'"' in data else None
        if outside is not None:
            separators &= outside
        ends: np.ndarray = np.flatnonzero(separators)
        if not len(ends) or len(ends) % width:
            raise Unproven
        starts = np.append(0, ends[:-1] + 1).reshape(-1, width)
        ends = ends.reshape(-1, width)
        at_line_end = view[ends] == _LINE_END
        if not at_line_end[:, -1].all() or at_line_end[:, :-1].any():
            raise Unproven
        if b"\r" in data:
            before = view[ends[:, -1] - 1] == _CARRIAGE
            carriages = view == _CARRIAGE
            if before.sum() != (carriages if outside is None else carriages & outside).sum():
                raise Unproven
            ends[:, -1] -= before
        return cls(data, view, starts, ends)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def are_whole_numbers(self) -> bool:
        """Whether every cell is a whole number as Python writes it, which is quicker to see of all than of each."""
        if b"." in self.data or b'"' in self.data:
            return False
        view, following = self.view, self.view[1:]
        is_digit = view - _ZERO < 10
        is_between = (view == _COMMA) | (view == _LINE_END)
        begins = np.append(True, is_between[:-1])
        is_minus = (view == _MINUS) & begins
        if not (is_digit | is_between | is_minus).all() or (self.ends - self.starts).max() >= _LONGEST_NUMBER:
            return False
        has_more_after_zero = (begins & (view == _ZERO))[:-1] & is_digit[1:]
        has_no_digits = (is_minus[:-1] & (~is_digit[1:] | (following == _ZERO))).any() or (is_between & begins).any()
        return not (has_more_after_zero.any() or has_no_digits)

    def texts(self, column: int, rows: np.ndarray) -> list[bytes]:
        """The bytes of some cells of a column, quotes included."""
        starts, ends, data = self.starts[rows, column].tolist(), self.ends[rows, column].tolist(), self.data
        return [data[start:end] for start, end in zip(starts, ends, strict=True)]

    def sums(self, weights: np.ndarray) -> np.ndarray:
        """The weights of the bytes of each cell and of what separates it from the next, added up."""
        sums: np.ndarray = np.add.reduceat(weights[self.view], self.starts.ravel())
        return sums.reshape(self.starts.shape)


def row_bounds(data: bytes) -> np.ndarray:
    """Where the rows of some whole rows begin, and at last where they end."""
    view = np.frombuffer(data, np.uint8)
    line_ends = view == _LINE_END
    if b'"' in data:
        line_ends &= _outside_quotes(view)
    return np.concatenate([[0], np.flatnonzero(line_ends) + 1])


def _is_text(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _outside_quotes(view: np.ndarray) -> np.ndarray:
    """Which bytes lie outside quoted cells, if quotes stand only where cells begin and end, or twice inside."""
    is_quote = view == _QUOTE
    quotes = np.flatnonzero(is_quote)
    if len(quotes) % 2:
        raise Unproven
    opening, closing = quotes[0::2], quotes[1::2]
    before, after = view[np.maximum(opening - 1, 0)], view[np.minimum(closing + 1, len(view) - 1)]
    is_begin = (before == _COMMA) | (before == _LINE_END) | (opening == 0)
    is_end = (after == _COMMA) | (after == _LINE_END) | (after == _CARRIAGE)
    # two quotes inside a quoted cell end it and begin it again
    again = np.concatenate([[False], opening[1:] == closing[:-1] + 1])
    if not (is_begin | again).all() or not (is_end | np.append(again[1:], False)).all():
        raise Unproven
    inside: np.ndarray = np.bitwise_xor.accumulate(is_quote)
    return ~inside


def _weights(of: dict[int, int], others: int) -> np.ndarray:
    weights = np.full(256, others, np.uint32)
    for byte, weight in of.items():
        weights[byte] = weight
    return weights


_NUMBER_WEIGHTS = _weights(
    {**dict.fromkeys(b"0123456789,\n\r", 0), _POINT: 1, _MINUS: 1 << 8}, others=1 << 16
)  # cells long enough for a sum to overflow are not numbers
_QUOTED_WEIGHTS = _weights(dict.fromkeys(b',\n"', 1), others=0)
_CARRIAGE_WEIGHTS = _weights({_CARRIAGE: 1}, others=0)


@dataclass(frozen=True)
class Numbers:
    """What the cells of one column are, one boolean per row in each array.

    Attributes:
        empty: empty.
        integer: a whole number of at most 18 digits as Python writes it.
        decimal: a number with a point, of at most 17 significant digits, as Python writes it.
        plain: a number of digits with at most a sign and a point, however it is written.
        fraction: with a point, where it is plain.
        digits: how many digits there are, where it is plain.
    """

    empty: np.ndarray
    integer: np.ndarray
    decimal: np.ndarray
    plain: np.ndarray
    fraction: np.ndarray
    digits: np.ndarray

    @classmethod
    def find(cls, cells: Cells, column: int, sums: np.ndarray, reading: Reading) -> Numbers:
        """Look at a column; `sums` are those of `number_sums`."""
        view, starts, ends, code = cells.view, cells.starts[:, column], cells.ends[:, column], sums[:, column]
        length = ends - starts
        first = view[starts]
        if not code.any() and length.min() > 0 and length.max() < _LONGEST_NUMBER:
            none = np.zeros(len(starts), bool)
            return cls(none, (first != _ZERO) | (length == 1), none, ~none, none, length)
        minus, points = (code >> 8) & 255, code & 255
        negative = first == _MINUS
        digits = length - minus - points
        plain = (code < 1 << 16) & (minus == negative) & (points <= 1) & (digits > 0) & (length < 100)
        begin = starts + (negative & plain)
        lead = view[begin]
        integer = plain & (points == 0) & (digits < _LONGEST_NUMBER) & ((lead != _ZERO) | ((digits == 1) & ~negative))
        decimal = plain & (points == 1)
        rows = np.flatnonzero(decimal)
        if len(rows):
            exactly = reading.precision == "round_trip"
            decimal[rows] = _is_shortest(view, begin[rows], ends[rows], digits[rows], exactly)
            unsure = rows[~decimal[rows]]
            # a few that the rules cannot prove must not make the whole column one that is converted
            if exactly and len(unsure) <= _FEW * len(rows):
                decimal[unsure] = [repr(float(text)).encode() == text for text in cells.texts(column, unsure)]
        return cls(length == 0, integer, decimal, plain, points > 0, digits)

    @property
    def whole(self) -> np.ndarray:
        """Which cells are whole numbers of at most 18 digits, however they are written."""
        whole: np.ndarray = self.plain & ~self.fraction & (self.digits < _LONGEST_NUMBER)
        return whole

    @property
    def kinds(self) -> int:
        """The kinds of the cells that are understood, without empty ones."""
        return INTEGER * bool(self.whole.any()) | DECIMAL * bool((self.plain & self.fraction).any())

    @property
    def is_odd(self) -> bool:
        """Whether a cell needs conversion or is not a number."""
        return bool(len(self.odd))

    @property
    def odd(self) -> np.ndarray:
        """The rows whose cell needs conversion or is not a number."""
        return np.flatnonzero(~(self.empty | self.integer | self.decimal))

    @property
    def unclear(self) -> np.ndarray:
        """The rows whose cell may be anything."""
        return np.flatnonzero(~(self.empty | self.whole | (self.plain & self.fraction)))


def number_sums(cells: Cells) -> np.ndarray:
    """Per cell: points, 256 for each minus and 65,536 for each byte that is in no number."""
    return cells.sums(_NUMBER_WEIGHTS)


def _is_shortest(view: np.ndarray, begin: np.ndarray, end: np.ndarray, digits: np.ndarray, exactly: bool) -> np.ndarray:
    """Whether numbers with one point are written as Python writes them.

    Args:
        view: the bytes.
        begin: where each number begins, after its sign.
        end: where it ends.
        digits: how many digits it has.
        exactly: whether numbers of more than 15 digits are read as the nearest double as well.
    """
    lead, second, last, before_last = view[begin], view[begin + 1], view[end - 1], view[end - 2]
    below_one = lead == _ZERO
    has_digits_around = (lead != _POINT) & (last != _POINT)
    no_leading_zero = ~below_one | (second == _POINT)
    no_trailing_zero = (last != _ZERO) | (before_last == _POINT)
    shortest: np.ndarray = has_digits_around & no_leading_zero & no_trailing_zero
    significant = digits - below_one
    small = np.flatnonzero(shortest & below_one & (digits > 5))
    if len(small):
        zeros = np.logical_and.accumulate(view[begin[small, None] + np.arange(2, 6)] == _ZERO, axis=1).sum(axis=1)
        significant[small] -= zeros
        # from 0.0001 down, Python writes an exponent
        shortest[small[zeros == 4]] = False
    is_long = significant > _EXACT_DIGITS
    long_ = np.flatnonzero(shortest & is_long & (significant <= _MOST_DIGITS) & exactly)
    shortest &= ~is_long
    if len(long_):
        shortest[long_] = _needs_all_digits(*_scaled(view, begin[long_], end[long_]))
    return shortest


def _scaled(view: np.ndarray, begin: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The digits of numbers with a point as whole numbers, and how many of them stand behind the point."""
    whole = np.zeros(len(begin), np.int64)
    behind = np.zeros(len(begin), np.int64)
    past_point = np.zeros(len(begin), bool)
    for place in range(int((end - begin).max())):
        byte = view[np.minimum(begin + place, end)]
        inside = begin + place < end
        is_digit = inside & (byte != _POINT)
        whole = np.where(is_digit, 10 * whole + (byte - _ZERO), whole)
        behind += is_digit & past_point
        past_point |= inside & ~is_digit
    return whole, behind


def _needs_all_digits(whole: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Whether decimals of 16 or 17 significant digits are the shortest text of the double next to them.

    That is so where the decimal is the nearest one of its length and no shorter one is as near to the double as half the
    distance to the next double. Wherever rounding could decide, the answer is no.

    Args:
        whole: the digits as a whole number.
        behind: how many of them stand behind the point.
    """
    if np.finfo(np.longdouble).nmant < 63:
        return np.zeros(len(whole), bool)
    scale = _POWERS_OF_TEN[behind]
    double = (whole / scale).astype(np.float64)
    # in units of the last digit; the product has 64 bits
    found = double * scale
    half_step = np.spacing(double) / 2 * scale
    doubt = whole * 2.0**-62
    is_nearest = np.abs(found - whole) < np.minimum(0.5, half_step * 0.999) - doubt
    shorter = np.rint(found / 10) * 10
    no_shorter = np.abs(shorter - found) > half_step * 1.001 + doubt
    is_power_of_two = np.frexp(double)[0] == 0.5
    needs_all: np.ndarray = is_nearest & no_shorter & ~is_power_of_two
    return needs_all


def kinds_of_unclear(cells: Cells, column: int, unclear: np.ndarray, reading: Reading) -> int:
    """The types that pandas infers for cells that are not plain numbers.

    Raises:
        Unproven: a whole number may be too large for 64 bits, of which pandas makes this or that.
    """
    found = 0
    for rows in (unclear[:_SAMPLE], unclear):
        texts = cells.texts(column, rows)
        if any(map(_HUGE.fullmatch, texts)):
            raise Unproven
        found = _KINDS.get(parse(texts, None, reading).dtype.kind, 0)
        # what some cells tell of text, the others cannot take back
        if found == TEXT:
            break
    if not found:
        raise Unproven
    return found


def parse(texts: Sequence[bytes], kind: Any, reading: Reading) -> pd.Series:
    """What pandas makes of cells of one column.

    Args:
        texts: the cells as they are in the file, with their quotes.
        kind: their type; None if pandas is to find it.
        reading: how pandas reads the table.
    """
    rows = b"cell,\n" + b"".join(text + b",\n" for text in texts)
    options: dict[str, Any] = {**reading.options, "dtype": None if kind is None else {"cell": kind}, "low_memory": False}
    table: pd.DataFrame = pd.read_csv(io.BytesIO(rows), usecols=[0], **options)
    return table["cell"]


class _Lines(io.StringIO):
    """Keeps what is written row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def write(self, text: str) -> int:
        self.written.append(text)
        return len(text)


def written(values: pd.Series, **options: Any) -> list[bytes]:
    """The cells that pandas writes for values, with their quotes; options are those of `to_csv`."""
    lines = _Lines()
    pd.DataFrame({"cell": values, "end": 0}).to_csv(lines, index=False, header=False, **options)
    return [line[:-3].encode() for line in lines.written]


def needs_quotes(cells: Cells) -> np.ndarray | None:
    """Per cell, how many of its bytes need quotes, the quotes around it included; None if no cell has quotes."""
    if b'"' not in cells.data:
        return None
    # each cell is followed by one separator
    return cells.sums(_QUOTED_WEIGHTS) - 1


def odd_texts(cells: Cells, column: int, quotes: np.ndarray | None, reading: Reading) -> np.ndarray:
    """The rows whose cell, read as text, is not written unchanged; `quotes` is what `needs_quotes` gives."""
    starts, ends = cells.starts[:, column], cells.ends[:, column]
    odd = np.zeros(len(starts), bool)
    if quotes is not None:
        odd |= (cells.view[starts] == _QUOTE) & (quotes[:, column] == 2)
    if b"\r" in cells.data:
        inside = cells.sums(_CARRIAGE_WEIGHTS)[:, column]
        if column == cells.starts.shape[1] - 1:
            inside -= cells.view[ends] == _CARRIAGE
        # whether these need quotes depends on the version of Python
        odd |= inside > 0
    if reading.words_are_missing:
        short = np.flatnonzero((ends - starts <= _LONGEST_MISSING) & (ends - starts > 1) & ~odd)
        first, second = cells.view[starts[short]], cells.view[starts[short] + 1]
        maybe = short[_FIRST_OF_MISSING[first] & _SECOND_OF_MISSING[second]]
        if len(maybe):
            odd[maybe] = [text in _MISSING for text in cells.texts(column, maybe)]
    return np.flatnonzero(odd)


_MISSING = frozenset(word.encode() for word in STR_NA_VALUES if word)
_LONGEST_MISSING = max(map(len, _MISSING))
_FIRST_OF_MISSING, _SECOND_OF_MISSING = (np.isin(np.arange(256), [word[k] for word in _MISSING]) for k in range(2))


def are_written_alike(cells: Cells, column: int, rows: np.ndarray, reading: Reading) -> bool:
    """Whether cells of floats that no rule proves, such as `1e-05`, are written unchanged; no where they are many."""
    if len(rows) > _FEW * len(cells):
        return False
    texts = cells.texts(column, rows)
    return written(parse(texts, np.float64, reading)) == texts


def text_replacements(cells: Cells, column: int, rows: np.ndarray, reading: Reading) -> list[bytes]:
    """What pandas writes for those odd cells of a column of text."""
    texts = cells.texts(column, rows)
    bare = [text[1:-1] if text[:1] == b'"' else text for text in texts]
    if reading.words_are_missing:
        bare = [b"" if text in _MISSING else text for text in bare]
    special = [k for k, text in enumerate(bare) if b"\r" in text]
    if special:
        values = parse([texts[k] for k in special], object, reading)
        for k, text in zip(special, written(values), strict=True):
            bare[k] = text
    return bare


@dataclass(frozen=True)
class NumberFormat:
    """How pandas writes floats: `float_format` of `to_csv`, None for the shortest text that reads back."""

    float_format: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """For `to_csv`."""
        return {} if self.float_format is None else {"float_format": self.float_format}

    def stays(self, cells: Cells, column: int, numbers: Numbers) -> np.ndarray:
        """Which cells of a column of floats are written unchanged."""
        if self.float_format is None:
            stays: np.ndarray = numbers.empty | numbers.decimal
            return stays
        significant = re.fullmatch(r"%\.(\d+)g", self.float_format)
        if not significant or not 0 < int(significant[1]) <= _EXACT_DIGITS:
            return numbers.empty
        # a leading zero that is not significant is counted, which costs only time
        no_zero_at_end: np.ndarray = cells.view[cells.ends[:, column] - 1] != _ZERO
        few = numbers.digits <= int(significant[1])
        stays = numbers.empty | (few & (numbers.integer | (numbers.decimal & no_zero_at_end)))
        return stays

    def written(self, texts: Sequence[bytes]) -> list[bytes]:
        """Plain numbers, read as floats and written."""
        values = map(float, texts)
        if self.float_format is None:
            return "\n".join(map(repr, values)).encode().split(b"\n")
        pattern = self.float_format.encode()
        return [pattern % value for value in values]


def number_replacements(
    cells: Cells, column: int, numbers: Numbers, kind: Any, reading: Reading, format_: NumberFormat
) -> tuple[np.ndarray, list[bytes]]:
    """The rows of a column of numbers whose cells change, in no order, and what pandas writes for them.

    Args:
        cells: the cells.
        column: the column, by place.
        numbers: what its cells are.
        kind: the type of the column in the whole table, whole numbers or floats.
        reading: how pandas reads the table.
        format_: how it writes floats.
    """
    if kind.kind == "f":
        stays = format_.stays(cells, column, numbers)
        rows = np.flatnonzero(~stays)
        by_python = numbers.plain[rows] & ((numbers.digits[rows] <= _EXACT_DIGITS) | (reading.precision == "round_trip"))
    else:
        rows = np.flatnonzero(~numbers.integer)
        by_python = numbers.whole[rows]
    by_pandas = np.flatnonzero(~by_python)
    plain = cells.texts(column, rows[by_python])
    found = (format_.written(plain) if kind.kind == "f" else [b"%d" % int(text) for text in plain]) if plain else []
    if len(by_pandas):
        values = parse(cells.texts(column, rows[by_pandas]), kind, reading)
        rows = np.concatenate([rows[by_python], rows[by_pandas]])
        found += written(values, **format_.options)
    return rows, found


def truth_replacements(cells: Cells, column: int, reading: Reading) -> tuple[np.ndarray, list[bytes]]:
    """The same for a column of booleans."""
    rows = np.arange(len(cells))
    return rows, written(parse(cells.texts(column, rows), bool, reading))


def replace(
    data: bytes, changes: Iterable[tuple[np.ndarray, np.ndarray, Sequence[bytes]]]
) -> tuple[bytes, np.ndarray, np.ndarray]:
    """Replace stretches of bytes that do not overlap.

    Args:
        data: the bytes.
        changes: arrays of where stretches start and end, and what comes in their place. Of stretches at one place, those that
            come first are first.

    Returns:
        The new bytes, where the stretches started in the old ones, ascending, and by how many bytes each grew.
    """
    found = [*changes]
    starts = np.concatenate([change[0] for change in found])
    ends = np.concatenate([change[1] for change in found])
    texts = [text for change in found for text in change[2]]
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], ends[order]
    sorted_texts = [texts[k] for k in order.tolist()]
    pieces: list[bytes] = [b""] * (2 * len(texts) + 1)
    bounds = zip([0, *ends.tolist()], [*starts.tolist(), len(data)], strict=True)
    pieces[0::2] = [data[start:end] for start, end in bounds]
    pieces[1::2] = sorted_texts
    grown = np.fromiter(map(len, sorted_texts), np.int64, len(texts)) - (ends - starts)
    return b"".join(pieces), starts, grown
