"""Answers kept for requests that are sent again: agents' libraries repeat a request whose answer they lost."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import NamedTuple

_OVERHEAD = 2**12
"""Bytes that an answer takes beside its body, so that empty ones are bounded as well."""


class Answered(NamedTuple):
    """An answer that is kept."""

    status: int
    headers: dict[str, str]
    body: bytes


class Claim:
    """The right to ask for the answer of one key; ended by `keep` or `drop`."""

    def __init__(self, replays: Replays, key: str) -> None:
        self._replays, self._key = replays, key
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def keep(self, answer: Answered) -> None:
        """The answer is whole; those who wait get it."""
        if self._end():
            self._replays._add(self._key, answer)

    def drop(self) -> None:
        """There is no answer to keep; those who wait ask themselves. Does nothing after `keep`."""
        self._end()

    def _end(self) -> bool:
        if self.ended.done():
            return False
        self._replays._claims.pop(self._key, None)
        self.ended.set_result(None)
        return True


class Replays:
    """Those of one run, the latest that fit."""

    def __init__(self, most: int, largest: int) -> None:
        """Args:
        most: bytes of all answers.
        largest: bytes of one.
        """
        self._most, self._largest = most, largest
        self._kept: OrderedDict[str, Answered] = OrderedDict()
        self._size = 0
        self._claims: dict[str, Claim] = {}

    async def claim(self, key: str) -> Answered | Claim:
        """The kept answer of a request, waited for where it is being asked; or the right to ask.

        Args:
            key: of the request and all that it says.
        """
        while True:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            if key not in self._claims:
                self._claims[key] = Claim(self, key)
                return self._claims[key]
            await asyncio.shield(self._claims[key].ended)

    def _add(self, key: str, answer: Answered) -> None:
        if len(answer.body) > self._largest:
            return
        self._kept[key] = answer
        self._size += _size_of(answer)
        while self._size > self._most:
            _, dropped = self._kept.popitem(last=False)
            self._size -= _size_of(dropped)


def _size_of(answer: Answered) -> int:
    return len(answer.body) + _OVERHEAD
