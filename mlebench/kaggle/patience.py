"""How long to keep trying when Kaggle or the network fails."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from mlebench._support.quantities import show_duration
from mlebench.errors import WorkFailed

PATIENCE = 60.0
"""Seconds of failures in a row after which to give up, by default."""
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_LONGEST_ORDERED = 3600.0
_MOST_ORDERED = 20


@dataclass
class Patience:
    """Waits longer after each failure in a row, and gives up in the end; bytes that arrive make it fresh again."""

    seconds: float = PATIENCE
    tell: Callable[[str], None] = lambda message: None
    """Gets a clause before each wait."""
    _failing_since: float | None = field(default=None, init=False)
    _pause: float = field(default_factory=lambda: _FIRST_PAUSE, init=False)
    _ordered: int = field(default=0, init=False)

    def progressed(self) -> None:
        """Something worked."""
        self._failing_since = None
        self._pause = _FIRST_PAUSE
        self._ordered = 0

    def wait_after(self, problem: str, retry_after: str | None = None) -> None:
        """Wait before the next try.

        Args:
            problem: what failed.
            retry_after: the server's `Retry-After`, in seconds or as a date; such a wait does not use up patience.

        Raises:
            WorkFailed: if patience is at its end.
        """
        now = time.monotonic()
        self._failing_since = now if self._failing_since is None else self._failing_since
        ordered = ordered_wait(retry_after)
        if ordered and self._ordered < _MOST_ORDERED:
            self._ordered += 1
            self._failing_since += ordered
            self._sleep(ordered, problem)
            return
        if now + self._pause > self._failing_since + self.seconds:
            raise WorkFailed(
                f"Kaggle failed for {show_duration(now - self._failing_since)} ({problem}); "
                "run the same command to continue, or add --patience 6h to wait longer"
            )
        self._sleep(self._pause * random.uniform(0.8, 1.2), problem)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _sleep(self, seconds: float, problem: str) -> None:
        self.tell(f"waiting {seconds:.0f} s: {problem}")
        time.sleep(seconds)


def ordered_wait(retry_after: str | None) -> float | None:
    """Seconds that a `Retry-After` header asks for, an hour at most; None if there is none that can be read."""
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            date = parsedate_to_datetime(retry_after)
        except ValueError:
            return None
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        seconds = (date - datetime.now(UTC)).total_seconds()
    return min(max(0.0, seconds), _LONGEST_ORDERED)
