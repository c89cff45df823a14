"""Vectorised reproduction of what a generator would draw line by line for millions of lines."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

_WORDS = 1 << 20
"""Number of 32-bit words drawn at a time."""


class Draws:
    """The numbers that `uniform()` and `randint(low, high)` of a `RandomState` return; NumPy guarantees these streams."""

    def __init__(self, random: np.random.RandomState, share: float) -> None:
        """Draw from `random`, which must not be shared, looking for uniform numbers of at most `share`."""
        self._random = random
        self._share = share
        self._words = np.empty(0, dtype=np.uint32)
        self._place = 0
        self._hits: tuple[list[int], list[int]] = ([], [])

    def lines_before_hit(self, most: int) -> int:
        """Draw a uniform number for each of up to `most` lines, and stop after the first that is at most the share.

        Returns:
            The number drawn before it; `most` if there was none.
        """
        passed = 0
        while passed < most:
            if len(self._words) - self._place < 2:
                self._draw()
            hits = self._hits[self._place % 2]
            number = bisect_left(hits, self._place)
            end = hits[number] if number < len(hits) else self._place + (len(self._words) - self._place) // 2 * 2
            lines = min((end - self._place) // 2, most - passed)
            passed += lines
            self._place += 2 * lines
            if passed < most and number < len(hits) and self._place == hits[number]:
                self._place += 2
                return passed
        return passed

    def integer(self, low: int, high: int) -> int:
        """A whole number from `low` to `high` - 1: words are drawn until the lowest bits of one are in the range."""
        largest = high - 1 - low
        if largest == 0:
            return low
        mask = (1 << largest.bit_length()) - 1
        while True:
            if self._place == len(self._words):
                self._draw()
            value = int(self._words[self._place]) & mask
            self._place += 1
            if value <= largest:
                return low + value

    def _draw(self) -> None:
        drawn = self._random.randint(0, 1 << 32, _WORDS, dtype=np.uint32)
        self._words, self._place = np.concatenate([self._words[self._place :], drawn]), 0
        # a 53-bit number combines the upper bits of two words
        high, low = (self._words >> 5).astype(np.float64), (self._words >> 6).astype(np.float64)
        uniform = (high[:-1] * 67108864.0 + low[1:]) / 9007199254740992.0
        places = np.flatnonzero(uniform <= self._share)
        self._hits = (places[places % 2 == 0].tolist(), places[places % 2 == 1].tolist())
