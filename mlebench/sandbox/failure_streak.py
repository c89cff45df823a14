"""Failures of tasks repeated while an agent works (measuring, counting, copying): logged once they persist."""

from __future__ import annotations

import time
from collections.abc import Callable

_STEADY_SECONDS = 30.0
"""Tolerated failures: an engine may have no data about a container that is just starting or ending."""


class FailureStreak:
    """The failures of one such task since its last success. They do not affect anything else."""

    def __init__(self, consequence: str, note: Callable[[str], None]) -> None:
        """Args:
        consequence: the effect while it fails, a clause for the run's log.
        note: receives the sentence.
        """
        self._consequence = consequence
        self._note = note
        self._since: float | None = None
        self._is_said = False
        self.error = ""
        """The latest failure, in words."""

    @property
    def failing_seconds(self) -> float:
        """Seconds since the first failure without a success."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    def succeeded(self) -> None:
        """Record a success: the streak is over."""
        if self._is_said:
            self._note(f"resolved: {self._consequence}")
        self._since, self._is_said = None, False

    def failed(self, error: str) -> None:
        """Record another failure."""
        self.error = error
        self._since = time.monotonic() if self._since is None else self._since
        if not self._is_said and self.failing_seconds >= _STEADY_SECONDS:
            self._is_said = True
            self._note(f"{self._consequence} ({error})")
