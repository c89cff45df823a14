"""Failures of what is done again and again while an agent works (measuring, counting, copying): logged once they are steady."""

from __future__ import annotations

import time
from collections.abc import Callable

_STEADY_SECONDS = 30.0
"""An engine may have nothing to tell of a container that just starts or ends."""


class FailureStreak:
    """The failures of one such thing since its last success. They end nothing else."""

    def __init__(self, consequence: str, note: Callable[[str], None]) -> None:
        """Args:
        consequence: what follows while it fails, a clause for the run's log.
        note: receives the sentence.
        """
        self._consequence = consequence
        self._note = note
        self._since: float | None = None
        self._is_said = False
        self.error = ""
        """The last failure, in words."""

    @property
    def failing_seconds(self) -> float:
        """How long it has been failing without a success."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    def succeeded(self) -> None:
        """It worked: the streak is over."""
        if self._is_said:
            self._note(f"resolved: {self._consequence}")
        self._since, self._is_said = None, False

    def failed(self, error: str) -> None:
        """It failed once more."""
        self.error = error
        self._since = time.monotonic() if self._since is None else self._since
        if not self._is_said and self.failing_seconds >= _STEADY_SECONDS:
            self._is_said = True
            self._note(f"{self._consequence} ({error})")
