"""What is done again and again while an agent works (measuring, counting, copying), and what becomes of its failures."""

from __future__ import annotations

import time
from collections.abc import Callable

_STEADY_SECONDS = 30.0
"""An engine may have nothing to tell of a container that just starts or ends."""


class Duty:
    """One such thing. Its failing ends nothing else, and is said once it is steady."""

    def __init__(self, consequence: str, note: Callable[[str], None]) -> None:
        """Args:
        consequence: what it means that it fails, a clause for the run's log.
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
        """For how long it has failed, without a success between."""
        return 0.0 if self._since is None else time.monotonic() - self._since

    def succeeded(self) -> None:
        """It was done."""
        if self._is_said:
            self._note(f"no longer so: {self._consequence}")
        self._since, self._is_said = None, False

    def failed(self, error: str) -> None:
        """It could not be done this time."""
        self.error = error
        self._since = time.monotonic() if self._since is None else self._since
        if not self._is_said and self.failing_seconds >= _STEADY_SECONDS:
            self._is_said = True
            self._note(f"{self._consequence} ({error})")
