"""Texts of calls on their way to the transcript: written in threads of their own, with a bound on those that wait."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from mlebench.gateway.transcript import Transcript

_THREADS = 2


class Texts:
    """Those of one run."""

    def __init__(self, transcript: Transcript, most: int) -> None:
        """In a running loop.

        Args:
            transcript: where they go.
            most: bytes that may wait.
        """
        self._transcript, self._most = transcript, most
        self._threads = ThreadPoolExecutor(_THREADS, "transcripts")
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[asyncio.Future[None], int] = {}

    def keep(self, n: int, request: bytes, response: bytes) -> None:
        """Write the texts of the ledger's line `n` soon."""
        work = self._loop.run_in_executor(self._threads, self._transcript.keep, n, request, response)
        self._waiting[work] = len(request) + len(response)
        work.add_done_callback(self._waiting.pop)

    async def has_room(self) -> None:
        """Returns when no more texts wait than may."""
        while sum(self._waiting.values()) > self._most:
            await asyncio.wait(self._waiting, return_when=asyncio.FIRST_COMPLETED)

    async def close(self) -> None:
        """Returns when all are written."""
        await asyncio.gather(*self._waiting, return_exceptions=True)
        self._threads.shutdown(wait=False)
