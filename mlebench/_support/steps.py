"""What long work reports while it goes on."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

BYTES = "byte"
"""The unit of steps that count bytes."""
_EVERY = 0.2


class Step(NamedTuple):
    """How far the work on one subject is."""

    subject: str
    """What is worked on, such as a competition's id; empty for the work as a whole, of which the subjects are parts."""
    phase: str
    """A word or a clause, such as `downloading` or `waiting 8 s: the connection broke`; empty when the subject is finished."""
    done: int = 0
    """At most `total`; 0 in phases that do not count."""
    total: int | None = None
    """None if unknown."""
    unit: str = BYTES
    """What is counted: `BYTES`, or a noun in the singular such as `file`."""


Listener = Callable[[Step], None]
"""Gets every step, from any thread, a few times a second at most."""

ignore: Listener = deque[Step](maxlen=0).append
"""The listener that keeps nothing."""


class Tally:
    """Counts one phase for a listener: reports its beginning and its end, and in between a few steps a second.

    Threads may share it.
    """

    def __init__(
        self,
        listener: Listener,
        subject: str,
        phase: str,
        total: int,
        unit: str = BYTES,
        *,
        done: int = 0,
        every: float = _EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        listener: gets the steps.
        subject, phase, total, unit, done: as of a `Step`.
        every: least seconds between two steps; 0 where each of what is counted takes long.
        clock: returns seconds.
        """
        self._listener = listener
        self._step = Step(subject, phase, min(done, total), total, unit)
        self._total = total
        self._every = every
        self._clock = clock
        self._lock = threading.Lock()
        self._report()

    def add(self, count: int = 1) -> None:
        """Note that `count` more are done; what exceeds the total is not reported."""
        with self._lock:
            before = self._step.done
            self._step = self._step._replace(done=min(before + count, self._total))
            is_end = before < self._step.done == self._total
            if is_end or self._clock() >= self._reported_at + self._every:
                self._report()

    def _report(self) -> None:
        self._reported_at = self._clock()
        self._listener(self._step)
