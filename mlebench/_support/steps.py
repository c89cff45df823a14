"""What long work reports while it goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple


class Step(NamedTuple):
    """Where the work on one competition stands."""

    competition_id: str
    phase: str
    """What is being done, in a word or a clause: `downloading`, `waiting 8 s: the connection broke`."""
    done: int = 0
    """Bytes done; 0 in phases that do not count."""
    total: int | None = None
    """Bytes in all, where that is known."""


Listener = Callable[[Step], None]
"""Gets every step; called a few times a second at most."""

ignore: Listener = deque[Step](maxlen=0).append
"""The listener that keeps nothing."""
