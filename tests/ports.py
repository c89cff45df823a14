"""Ports for servers that tests start in processes of their own."""

from __future__ import annotations

import socket


def free_ports(count: int) -> list[int]:
    """So many different ports at which nobody listens now."""
    sockets = [socket.socket() for _ in range(count)]
    for entry in sockets:
        entry.bind(("", 0))
    ports = [entry.getsockname()[1] for entry in sockets]
    for entry in sockets:
        entry.close()
    return ports
