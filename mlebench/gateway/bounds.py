"""How much of everything an agent may take from the gateway of its run, and how long anything may last."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """Sizes are bytes, durations seconds."""

    connections: int = 512
    """At once; later ones wait in the kernel's queue."""
    calls: int = 128
    """Asked of providers at once; later ones wait."""
    requests_at_once: int = 2000
    """Requests, and new connections, that are taken without a pause."""
    requests_per_second: float = 250.0
    """Of those beyond."""
    refusals_at_once: int = 1000
    """Refused calls that are answered without a delay; one more each second, as each has a line in the ledger."""
    body: int = 100 * 2**20
    """Of a request, decompressed."""
    bodies: int = 256 * 2**20
    """Of all requests that are held in memory at once; those for which there is no room wait before they are read."""
    small_body: int = 2**16
    """Needs no room."""
    elements: int = 2**20
    """Values, keys and lists in a request: each costs memory, however few bytes it has."""
    answer: int = 32 * 2**20
    """Of a plain answer."""
    stream: int = 2**28
    """Of a streamed answer."""
    kept: int = 8 * 2**20
    """Of a streamed answer, kept for the transcript."""
    replay: int = 2**20
    """Of an answer that is kept for a repeated request."""
    replays: int = 2**25
    """Of all those."""
    texts: int = 2**28
    """Of texts that wait to be written to the transcript; calls wait while there are more."""
    head_seconds: float = 30.0
    """Until a new connection has said anything."""
    idle_seconds: float = 75.0
    """Between requests of a connection; a request's head has no longer, either."""
    body_seconds: float = 30.0
    """For a body; each MiB more has a second more."""
    silence_seconds: float = 1800.0
    """For which a provider may say nothing; models that think say nothing for long in a plain answer."""
    connect_seconds: float = 30.0
    write_seconds: float = 300.0
    """For which a client may read nothing."""
    keep_alive_seconds: float = 15.0
    """Of a provider's silence, after which a stream gets a comment."""
    grace_seconds: float = 60.0
    """Between the first call that the budget refused and the end of the run."""
    probe_seconds: float = 60.0
    """For which a probe is repeated while a provider says that it was asked too often."""
    close_seconds: float = 60.0
    """For all that is to be written down at the end."""
    tunnels: int = 64
    """Connections through the proxy at once."""
    tunnel_idle_seconds: float = 300.0
