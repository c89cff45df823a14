"""Ports for servers that tests start in processes of their own."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator

from mlebench.sandbox.local.gateway import _first_given_port

_LOWEST, _HIGHEST = 20_000, 65_535
"""Lower ones belong to services that everybody knows, and to Ray's workers."""
_FEWEST = 1000


def free_ports(count: int) -> list[int]:
    """So many different ports at which nobody listens now.

    They are none of those that the system gives away by itself, as it would give one to a connection of anybody before the
    server has it, and drawn by chance, as other processes draw at the same time.
    """
    candidates = iter(random.SystemRandom().sample(_not_given_away(), _FEWEST))
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as trial:
            port = next(candidates)
            try:
                trial.bind(("", port))
            except OSError:
                continue
            found.append(port)
    return found


def _not_given_away() -> range:
    first = _first_given_port()
    # where it gives away nearly all, there is no choice
    return range(_LOWEST, first if first - _LOWEST >= _FEWEST else _HIGHEST + 1)


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """A port that refuses connections, and that nobody else gets meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
