"""The words of a long text and the numbers among them, found all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from grading.decimals import numbers_at, short_numbers_at, words_at

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_BLANK = ord(" ")
_BLANKS = b" \t\n\v\f\r\x1c\x1d\x1e\x1f"
"""Where `str.split` divides a text of ASCII."""
_ALL_BLANKS_ALIKE = bytes.maketrans(_BLANKS, b" " * len(_BLANKS))
_BEFORE, _BEHIND = 24, 8
"""Bytes that a reader of numbers wants around them."""
_MOST_CHARACTERS = 4_000_000
"""Of a text that is longer, the places of its words would fill much memory."""
_SHORT = 8
"""Digits of a number that is read at once."""


class Words(NamedTuple):
    """The words of a text as `str.split` finds them."""

    text: str
    letters: bytes
    """The text with blanks around it, all blanks as spaces."""
    starts: IntArray
    """The place of the first letter of each word in the text, shape (words,)."""
    ends: IntArray
    """The place after the last one."""

    def pick(self, chosen: BoolArray | slice) -> list[str]:
        """Some of the words."""
        text = self.text
        places = zip(self.starts[chosen].tolist(), self.ends[chosen].tolist(), strict=True)
        return [text[start:end] for start, end in places]

    def by_text(self, texts: Sequence[str]) -> IntArray:
        """How many words each of some texts holds, if they were joined by one blank to this one, shape (texts,)."""
        ends = np.cumsum(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)) + 1)
        return np.diff(np.searchsorted(self.starts, ends), prepend=0)


def blocks_of(texts: Sequence[str], characters: int) -> Iterator[tuple[int, int]]:
    """The first and the one after the last text of each of some blocks: of so many characters, or of one longer text."""
    first, held = 0, 0
    for row, text in enumerate(texts):
        held += len(text) + 1
        if held > characters:
            yield first, row + 1
            first, held = row + 1, 0
    if first < len(texts):
        yield first, len(texts)


def words_of(text: str) -> Words | None:
    """The words of a text; None for one that is very long, holds NUL or is not ASCII, where blanks are of too many kinds."""
    if len(text) > _MOST_CHARACTERS or not text.isascii() or "\0" in text:
        return None
    letters = b"".join([b" " * _BEFORE, text.encode().translate(_ALL_BLANKS_ALIKE), b" " * _BEHIND])
    inside = np.frombuffer(letters, dtype=np.uint8) != _BLANK
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1 - _BEFORE
    return Words(text, letters, edges[0::2], edges[1::2])


def numbers_of(words: Words, chosen: BoolArray) -> FloatArray | None:
    """The numbers that some words are, to the last bit as `float` reads them; None if one of the words is no finite number.

    Args:
        words: the words of a text.
        chosen: which of them to read, shape (words,).
    """
    begins, ends = words.starts[chosen] + _BEFORE, words.ends[chosen] + _BEFORE
    return numbers_at(words_at(words.letters), begins, ends, words.letters)


def whole_numbers_of(words: Words) -> IntArray:
    """The numbers that words of nothing but digits are, those beyond int64 as the largest int64, shape (words,)."""
    lengths = words.ends - words.starts
    if lengths.max(initial=0) > _SHORT:
        return np.fromstring(words.letters, dtype=np.int64, sep=" ")
    return short_numbers_at(words_at(words.letters), words.ends + _BEFORE, lengths)
