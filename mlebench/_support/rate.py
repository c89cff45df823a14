"""How often something may happen, in an event loop."""

from __future__ import annotations

import asyncio
import time


class Rate:
    """A token bucket: `burst` at once, one more every `every` seconds."""

    def __init__(self, burst: float, every: float) -> None:
        self._burst = burst
        self._every = every
        self._tokens = float(burst)
        self._at = time.monotonic()

    def take(self, count: float = 1) -> float:
        """Take tokens.

        Returns:
            0, or the seconds until there are as many; nothing is taken then.
        """
        self._refill()
        if self._tokens < count:
            return (count - self._tokens) * self._every
        self._tokens -= count
        return 0.0

    async def wait_for(self, count: float = 1) -> None:
        """Take tokens, and wait until there would have been as many."""
        self._refill()
        # those that come later wait behind this one, so everybody wakes once
        self._tokens -= count
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens * self._every)

    def _refill(self) -> None:
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) / self._every)
        self._at = now
