"""Decimal numbers parsed from the bytes of many cells at once, each to exactly the float that `float()` returns.

Digits are converted to an integer eight at a time, and the integer is divided by a power of ten. If a float holds both exactly,
the quotient is rounded once and is therefore correct. Others are divided in extended precision, whose eleven extra bits show
whether the quotient is so close to the midpoint of two floats that rounding it again could be wrong.
"""

from __future__ import annotations

import numpy as np

_LETTERS = b"0123456789+-.eE"
_ONES = np.uint64(0x0101010101010101)
_HIGHS = np.uint64(0x8080808080808080)
_DOTS = np.uint64(0x2E) * _ONES
_ZEROS = np.uint64(0x30) * _ONES
_BEYOND_NINE = np.uint64(0x76) * _ONES
_BYTE_OF_BIT = np.uint64(0x0001020304050607)
_MINUS, _EXPONENT_BEGINS = np.uint64(ord("-")), np.uint64(ord("e") + 256 * ord("-"))

FIRST_BYTES = np.array([2 ** (8 * count) - 1 for count in range(9)], dtype=np.uint64)
"""Masks of the first n bytes of an eight-byte word, read as a little-endian number."""
_LAST_BYTES = ~FIRST_BYTES[::-1]

_LONGEST = 24
"""Digits after the decimal point, or of a whole number, that are handled here."""
_POWERS = np.array([10**exponent for exponent in range(19)], dtype=np.int64)
_EXACT_POWERS = np.array([float(10**exponent) for exponent in range(23)])
_LARGEST_EXACT = 2**53
_HAS_EXTENDED = np.finfo(np.longdouble).nmant == 63 and np.dtype(np.longdouble).itemsize == 16
_EXTENDED_POWERS = np.array([np.longdouble(f"1e{exponent}") for exponent in range(301)])
"""Up to here, quotients are not subnormal floats."""
_EXACT_IN_EXTENDED = 27
_MIDDLE, _ERROR = 0x400, 3
"""In units of the last bits of a quotient: its error is below two if the power is rounded, and irrelevant otherwise."""


def words_at(text: bytes) -> np.ndarray:
    """The eight bytes starting at each position of a text, as little-endian numbers; the last seven positions have none."""
    return np.ndarray((len(text) - 7,), dtype="<u8", buffer=text, strides=(1,))


def numbers_at(words: np.ndarray, begins: np.ndarray, ends: np.ndarray, text: bytes) -> np.ndarray | None:
    """The numbers in some cells of a text.

    Args:
        words: `words_at(text)`.
        begins: where the cells begin, at 24 or later.
        ends: where they end, at least eight bytes before the text does.
        text: ASCII or UTF-8 without NUL bytes.

    Returns:
        A float64 per cell exactly as `float()` reads it, NaN for an empty cell; None if any is not a finite number in decimal
        notation.
    """
    lengths = ends - begins
    first = words[begins]
    is_negative = (first & np.uint64(0xFF)) == _MINUS
    has_negative = bool(is_negative.any())
    if has_negative:
        begins = begins + is_negative
        first = np.where(is_negative, words[begins], first)
    last = words[ends - 8]
    stops, exponents = _before_exponent(last, begins, ends)
    if exponents is not None:
        last = words[stops - 8]
    head, tail, scale, odd = _parts(words, begins, first, stops - begins)
    mantissa, overflows = _tail_value(words, last, stops, tail, odd)
    if head is not None:
        mantissa, overflows = _joined(head, mantissa, tail, overflows)
    odd |= overflows
    values = _divided(mantissa, scale if exponents is None else scale + exponents, odd)
    if has_negative:
        np.negative(values, out=values, where=is_negative)
    values[lengths == 0] = np.nan
    odd &= lengths > 0
    if odd.any():
        begins = ends - lengths
        return _with_odd(values, odd, begins, ends, text)
    return values


def whole_numbers_at(words: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray | None:
    """The whole numbers in some cells of a text.

    Args:
        words: `words_at` of the text.
        begins: where the cells begin, at 24 or later.
        ends: where they end, at least eight bytes before the text does.

    Returns:
        An int64 per cell; None if any is not a whole number of at most 18 digits with an optional minus, or is a negative zero.
    """
    is_negative = (words[begins] & np.uint64(0xFF)) == _MINUS
    lengths = ends - begins - is_negative
    if len(lengths) and (lengths.min() < 1 or lengths.max() > 18):
        return None
    odd = np.zeros(len(lengths), dtype=bool)
    values, _ = _tail_value(words, words[ends - 8], ends, lengths, odd)
    if odd.any() or (is_negative & (values == 0)).any():
        return None
    np.negative(values, out=values, where=is_negative)
    return values


def short_numbers_at(words: np.ndarray, ends: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Cells that hold only whole numbers of 0 to 8 digits; `words` and `ends` are those of `numbers_at`."""
    return _eight_digits((words[ends - 8] ^ _ZEROS) & _LAST_BYTES[lengths])


def _before_exponent(last: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Where the digits before an exponent of two digits (`e-05`) end, and the exponents without their sign.

    `last` are the eight bytes before `ends`.
    """
    letters = last >> np.uint64(32)
    has_exponent = ((letters & np.uint64(0xFFFF)) == _EXPONENT_BEGINS) & (ends - begins > 4)
    if not has_exponent.any():
        return ends, None
    tens = ((letters >> np.uint64(16)) & np.uint64(0xFF)).astype(np.int64) - ord("0")
    units = (letters >> np.uint64(24)).astype(np.int64) - ord("0")
    has_exponent &= (tens >= 0) & (tens <= 9) & (units >= 0) & (units <= 9)
    return ends - 4 * has_exponent, np.where(has_exponent, 10 * tens + units, 0)


def _parts(
    words: np.ndarray, begins: np.ndarray, first: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray, np.ndarray]:
    """The value before the point (None if no cell has one), the digits after it, the power of ten, and which cells are irregular.

    A cell without a point in its first sixteen bytes is treated as all digits after the point.
    """
    first = first & FIRST_BYTES.take(lengths, mode="clip")
    points = _points_of(first)
    has_point = points != 0
    far = np.flatnonzero(~has_point & (lengths > 8))
    second = words[begins[far] + 8] & FIRST_BYTES.take(lengths[far] - 8, mode="clip")
    points_behind = _points_of(second)
    if not has_point.any() and not points_behind.any():
        return None, lengths, np.zeros_like(lengths), lengths < 1
    place = _first_of(points)
    place[~has_point] = 0
    tail = lengths - place - has_point
    head, is_odd = _digits_before(first, place)
    odd = is_odd | (place + tail < 1)
    scale = np.where(has_point, tail, 0)
    if points_behind.any():
        far, second, points_behind = (part[points_behind != 0] for part in (far, second, points_behind))
        place = _first_of(points_behind)
        begin, is_odd = _digits_before(first[far], np.full(len(far), 8))
        more, is_odd_behind = _digits_before(second, place)
        head[far] = begin * _POWERS[place] + more
        tail[far] = scale[far] = lengths[far] - place - 9
        odd[far] = is_odd | is_odd_behind
    return head, tail, scale, odd


def _points_of(words: np.ndarray) -> np.ndarray:
    """The highest bit of each byte that is a point; correct at least for the first one."""
    other = words ^ _DOTS
    points: np.ndarray = (other - _ONES) & ~other & _HIGHS
    return points


def _first_of(points: np.ndarray) -> np.ndarray:
    """The index of the first byte that is a point."""
    lowest = (points & (~points + np.uint64(1))) >> np.uint64(7)
    return ((lowest * _BYTE_OF_BIT) >> np.uint64(56)).astype(np.int64)


def _digits_before(words: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The number in the first `place` bytes, and whether they hold anything but digits."""
    shift = np.uint64(64) - place.astype(np.uint64) * np.uint64(8)
    digits = np.left_shift(words ^ _ZEROS, shift)
    return _eight_digits(digits), _holds_others(digits)


def _tail_value(
    words: np.ndarray, last: np.ndarray, stops: np.ndarray, tail: np.ndarray, odd: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The value of the last `tail` digits before `stops`, and where it is too large; marks non-digit cells in `odd`.

    `last` are the eight bytes before `stops`.
    """
    longest = int(tail.max(initial=0))
    value = np.zeros(len(tail), dtype=np.int64)
    overflows = tail > _LONGEST
    for group in range(min(3, -(-longest // 8))):
        digits = (last if group == 0 else words[stops - 8 * (group + 1)]) ^ _ZEROS
        digits &= _LAST_BYTES.take(tail - 8 * group, mode="clip")
        odd |= _holds_others(digits)
        part = _eight_digits(digits)
        if group == 2:
            overflows |= part >= 900
        value += part if group == 0 else part * _POWERS[8 * group]
    return value, overflows


def _joined(head: np.ndarray, value: np.ndarray, tail: np.ndarray, overflows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The digits before and after the point as one integer, and where it is too large."""
    powers = _POWERS.take(tail, mode="clip")
    overflows = overflows | ((head > 0) & ((tail > 18) | (head > 2**62 // powers)))
    return head * powers + value, overflows | (value > 2**62)


def _divided(mantissa: np.ndarray, scale: np.ndarray, odd: np.ndarray) -> np.ndarray:
    """`mantissa / 10**scale`, correctly rounded; marks in `odd` where this cannot be guaranteed."""
    values: np.ndarray = mantissa / _EXACT_POWERS.take(scale, mode="clip")
    long = np.flatnonzero(((mantissa >= _LARGEST_EXACT) | (scale >= len(_EXACT_POWERS))) & ~odd)
    if not len(long):
        return values
    scale = scale[long]
    if not _HAS_EXTENDED:
        odd[long] = True
        return values
    quotients = mantissa[long].astype(np.longdouble) / _EXTENDED_POWERS.take(scale, mode="clip")
    # the eleven bits that do not fit into a float
    surplus = (quotients.view("<u8")[::2] & np.uint64(0x7FF)).astype(np.int64)
    is_near = np.abs(surplus - _MIDDLE) <= np.where(scale > _EXACT_IN_EXTENDED, _ERROR, 0)
    odd[long] = is_near | (scale >= len(_EXTENDED_POWERS))
    values[long] = quotients.astype(np.float64)
    return values


def _with_odd(values: np.ndarray, odd: np.ndarray, begins: np.ndarray, ends: np.ndarray, text: bytes) -> np.ndarray | None:
    """The values; those of `odd` cells are parsed one by one."""
    cells = [text[begin:end] for begin, end in zip(begins[odd].tolist(), ends[odd].tolist(), strict=True)]
    if b"".join(cells).translate(None, _LETTERS):
        return None
    try:
        values[odd] = [float(cell) for cell in cells]
    except ValueError:
        return None
    return values if np.isfinite(values[odd]).all() else None


def _holds_others(digits: np.ndarray) -> np.ndarray:
    """Whether any of eight bytes is above nine."""
    found: np.ndarray = (((digits + _BEYOND_NINE) | digits) & _HIGHS) != 0
    return found


def _eight_digits(digits: np.ndarray) -> np.ndarray:
    """The number of eight digits from 0 to 9, the first in the lowest byte."""
    pairs = digits * np.uint64(10) + (digits >> np.uint64(8))
    low, high = pairs & np.uint64(0x000000FF000000FF), (pairs >> np.uint64(16)) & np.uint64(0x000000FF000000FF)
    whole = low * np.uint64(100 + (1_000_000 << 32)) + high * np.uint64(1 + (10_000 << 32))
    numbers: np.ndarray = (whole >> np.uint64(32)).astype(np.int64)
    return numbers


def digits_of(numbers: np.ndarray) -> np.ndarray:
    """The eight digits of numbers below 10^8 in ASCII, the first in the lowest byte of a word."""
    high, low = np.divmod(numbers, np.uint64(10**4))
    fours = high | (low << np.uint64(32))
    # at these sizes, truncated products with 2^19 / 100 and 2^10 / 10 equal the quotients
    hundreds = (fours * np.uint64(5243) >> np.uint64(19)) & np.uint64(0x0000007F0000007F)
    twos = hundreds | ((fours - hundreds * np.uint64(100)) << np.uint64(16))
    tens = (twos * np.uint64(103) >> np.uint64(10)) & np.uint64(0x000F000F000F000F)
    digits: np.ndarray = tens | ((twos - tens * np.uint64(10)) << np.uint64(8)) | _ZEROS
    return digits
