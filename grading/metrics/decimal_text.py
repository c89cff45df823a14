"""Whole numbers out of text, many at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

_WORD = 8
_BLANK = ord(" ")
_PADDING = b"0" * _WORD


class Numbers(NamedTuple):
    """The numbers of a text and the position just behind each of them; int64, shape (numbers,)."""

    values: IntArray
    ends: IntArray


def parse_numbers(text: bytes) -> Numbers | None:
    """Parse decimal digits separated by single blanks.

    Args:
        text: nothing but the digits 0 to 9 and single blanks between them, and at least one number.

    Returns:
        The numbers, those beyond int64 as the largest int64; None if a blank leads, trails or follows a blank.
    """
    padded = np.frombuffer(_PADDING + text + b" ", dtype=np.uint8)
    ends = np.flatnonzero(padded == _BLANK)
    # a number and its blank
    widths = np.empty_like(ends)
    widths[0] = ends[0] - (_WORD - 1)
    np.subtract(ends[1:], ends[:-1], out=widths[1:])
    if widths.min() == 1:
        return None
    if widths.max() > _WORD + 1:
        return Numbers(np.fromstring(text, dtype=np.int64, sep=" "), ends - _WORD)
    ends -= _WORD
    words = np.ndarray(len(padded) - _WORD + 1, dtype="<u8", buffer=padded, strides=(1,))[ends]
    return Numbers(_of_words(words, widths.view(np.uint64)), ends)


def _of_words(words: npt.NDArray[np.uint64], widths: npt.NDArray[np.uint64]) -> IntArray:
    """The number that the last `widths - 1` of the 8 characters of each little-endian word spell; both arrays are used up."""
    np.subtract(np.uint64(_WORD + 1), widths, out=widths)
    widths <<= np.uint64(3)
    words >>= widths
    words <<= widths
    words &= np.uint64(0x0F0F0F0F0F0F0F0F)
    # neighbours are joined to pairs, to fours, to eight digits
    words *= np.uint64(10 * 2**8 + 1)
    words >>= np.uint64(8)
    words &= np.uint64(0x00FF00FF00FF00FF)
    words *= np.uint64(100 * 2**16 + 1)
    words >>= np.uint64(16)
    words &= np.uint64(0x0000FFFF0000FFFF)
    words *= np.uint64(10_000 * 2**32 + 1)
    words >>= np.uint64(32)
    return words.view(np.int64)
