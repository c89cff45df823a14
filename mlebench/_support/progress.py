"""What long work tells while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Progress(NamedTuple):
    """Where the work on one competition is."""

    competition_id: str
    phase: str
    """What is being done, in a word or a clause: `downloading`, `waits 8 s: the connection broke`."""
    done: int = 0
    """Bytes done; 0 in phases that do not count."""
    total: int | None = None
    """Bytes in all, where that is known."""


Watch = Callable[[Progress], None]
"""Gets every step; called a few times a second at most."""


def ignore(progress: Progress) -> None:
    """The watch that looks away."""
