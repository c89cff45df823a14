"""The connections of the server: how many there may be, how large and how slow a request, and what is said to what is none."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from mlebench.reports.view.guard import HEADERS


@dataclass(frozen=True)
class Bounds:
    """Sizes are bytes, durations seconds."""

    connections: int = 512
    """At once; for a further one, the one that has been idle longest is closed."""
    line: int = 8190
    """Of a request's first line, and of each of its headers."""
    headers: int = 64
    form: int = 2**14
    """Of what an act is sent."""
    idle_seconds: float = 30.0
    """Between the requests of a connection; a request's head has no longer, either."""
    answer_seconds: float = 60.0
    """For making an answer, and for taking it."""
    stall_seconds: float = 60.0
    """For which somebody who is sent a file may take nothing of it."""


class Connections:
    """Makes the connections of a server, and closes those that are too many."""

    def __init__(self, server: web.Server, bounds: Bounds) -> None:
        """In a running loop."""
        self._server, self._bounds = server, bounds
        self._loop = asyncio.get_running_loop()
        # the one whose last request came longest ago is first
        self._open: dict[Connection, None] = {}

    def __call__(self) -> Connection:
        """A connection that the loop has accepted."""
        return Connection(self, self._server, self._loop, self._bounds)

    def opened(self, connection: Connection) -> None:
        """A connection begins."""
        self._open[connection] = None
        if len(self._open) > self._bounds.connections:
            idle = next((entry for entry in self._open if not entry.is_at_work), connection)
            self._open.pop(idle)
            idle.abort()

    def used(self, connection: Connection) -> None:
        """A whole request came by it; parts of one, however many, do not count."""
        if connection in self._open:
            self._open[connection] = self._open.pop(connection)

    def closed(self, connection: Connection) -> None:
        """A connection has ended."""
        self._open.pop(connection, None)


class Connection(RequestHandler):
    """One connection of HTTP."""

    def __init__(self, owner: Connections, server: web.Server, loop: asyncio.AbstractEventLoop, bounds: Bounds) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=bounds.idle_seconds,
            access_log=None,  # type: ignore[arg-type]
            auto_decompress=False,
            lingering_time=1.0,
            max_line_size=bounds.line,
            max_field_size=bounds.line,
            max_headers=bounds.headers,
        )
        self._owner = owner

        self.is_at_work = False

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """While a request is being answered."""
        self._owner.used(self)
        self.is_at_work = True
        try:
            yield
        finally:
            self.is_at_work = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._owner.opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._owner.closed(self)
        super().connection_lost(exc)

    def abort(self) -> None:
        """Cut it."""
        transport = self.transport
        if isinstance(transport, asyncio.Transport):
            transport.abort()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer a malformed request without repeating any of it."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun")
        words = "this is not an HTTP/1.1 request\n" if status < 500 else "the server failed\n"
        response = web.Response(status=status, text=words, headers=HEADERS)
        response.force_close()
        return response
