"""Finds the words of a long text, and the numbers among them, in one vectorised pass."""

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
"""The characters at which `str.split` splits ASCII text."""
_ALL_BLANKS_ALIKE = bytes.maketrans(_BLANKS, b" " * len(_BLANKS))
_BEFORE, _BEHIND = 24, 8
"""Padding bytes that the number parser needs."""
_MOST_CHARACTERS = 4_000_000
"""For longer text, the word positions would take too much memory."""
_SHORT = 8
"""Digits of a number that is parsed in one step."""


class Words(NamedTuple):
    """The words of a text as `str.split` finds them."""

    text: str
    letters: bytes
    """The text padded with blanks, with all white space as spaces."""
    starts: IntArray
    """The position of the first character of each word, shape (words,)."""
    ends: IntArray
    """The position after the last character."""

    def pick(self, chosen: BoolArray | slice) -> list[str]:
        """Some of the words."""
        text = self.text
        places = zip(self.starts[chosen].tolist(), self.ends[chosen].tolist(), strict=True)
        return [text[start:end] for start, end in places]

    def by_text(self, texts: Sequence[str]) -> IntArray:
        """The number of words in each of the texts that were joined by one blank to make this one, shape (texts,)."""
        ends = np.cumsum(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)) + 1)
        return np.diff(np.searchsorted(self.starts, ends), prepend=0)


def blocks_of(texts: Sequence[str], characters: int) -> Iterator[tuple[int, int]]:
    """Yield start and stop of blocks of texts: each of at most so many characters, or one longer text."""
    first, held = 0, 0
    for row, text in enumerate(texts):
        held += len(text) + 1
        if held > characters:
            yield first, row + 1
            first, held = row + 1, 0
    if first < len(texts):
        yield first, len(texts)


def words_of(text: str) -> Words | None:
    """The words of a text; None if it is very long, contains NUL or is not ASCII (which has too many kinds of blanks)."""
    if len(text) > _MOST_CHARACTERS or not text.isascii() or "\0" in text:
        return None
    letters = b"".join([b" " * _BEFORE, text.encode().translate(_ALL_BLANKS_ALIKE), b" " * _BEHIND])
    inside = np.frombuffer(letters, dtype=np.uint8) != _BLANK
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1 - _BEFORE
    return Words(text, letters, edges[0::2], edges[1::2])


def numbers_of(words: Words, chosen: BoolArray) -> FloatArray | None:
    """The numbers that some words spell, bit for bit as `float` reads them; None if any word is not a finite number.

    Args:
        words: the words of a text.
        chosen: which words to read, shape (words,).
    """
    begins, ends = words.starts[chosen] + _BEFORE, words.ends[chosen] + _BEFORE
    return numbers_at(words_at(words.letters), begins, ends, words.letters)


def whole_numbers_of(words: Words) -> IntArray:
    """The numbers that all-digit words spell, capped at the largest int64, shape (words,)."""
    lengths = words.ends - words.starts
    if lengths.max(initial=0) > _SHORT:
        return np.fromstring(words.letters, dtype=np.int64, sep=" ")
    return short_numbers_at(words_at(words.letters), words.ends + _BEFORE, lengths)
