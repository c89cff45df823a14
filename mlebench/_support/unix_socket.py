"""Sockets at which this process serves the agent of a run."""

from __future__ import annotations

import socket
from pathlib import Path

_LONGEST_QUEUE = 512


def listen_at(address: Path) -> socket.socket:
    """A listening socket without blocking; one that a killed harness left at the address is replaced.

    Raises:
        OSError: the address cannot be bound.
    """
    listening = socket.socket(socket.AF_UNIX)
    try:
        address.unlink(missing_ok=True)
        listening.bind(str(address))
        # the agent's user in the container is nobody here; the folder around the socket keeps others out
        address.chmod(0o666)
        listening.listen(_LONGEST_QUEUE)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening
