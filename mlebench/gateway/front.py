"""The door of a gateway: takes connections, a bounded number at once, and hands each to the server or to the proxy."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from mlebench._support.rate import Rate
from mlebench.gateway.bounds import Bounds

Tunnel = Callable[[bytes, socket.socket], Awaitable[None]]
"""Serves a connection of the proxy whose first bytes were read, and closes it."""

_log = logging.getLogger(__name__)
_CONNECT = b"CONNECT "
_LINGER_SECONDS = 1.0
SERVER_NAME = "mlebench"


class Front:
    """Takes the connections of one gateway."""

    def __init__(
        self,
        listening: socket.socket,
        answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        tunnel: Tunnel,
        bounds: Bounds,
    ) -> None:
        """In a running loop.

        Args:
            listening: without blocking.
            answer: a request of HTTP.
            tunnel: a connection that begins with CONNECT.
            bounds: of connections.
        """
        self._listening, self._tunnel, self._bounds = listening, tunnel, bounds
        self._server = web.Server(answer, handler_cancellation=True)
        self._places = asyncio.Semaphore(bounds.connections)
        self._rate = Rate(bounds.requests_at_once, 1 / bounds.requests_per_second)
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Take connections until it is cancelled."""
        while True:
            # at a rate, so that a flood waits in the kernel
            await self._places.acquire()
            await self._rate.wait_for()
            try:
                connection, _ = await self._loop.sock_accept(self._listening)
            except OSError:
                # no descriptor is free; the queue keeps who is waiting
                _log.exception("the gateway cannot accept a connection")
                self._places.release()
                await asyncio.sleep(1)
                continue
            task = self._loop.create_task(self._attend(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """End every connection."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _attend(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        is_taken = False
        try:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._bounds.head_seconds):
                    first = await self._first_bytes(connection)
                if first == _CONNECT:
                    is_taken = True
                    await self._tunnel(first, connection)
                elif first:
                    await self._serve(first, connection)
                    is_taken = True
        except Exception:
            _log.exception("a connection to the gateway broke off")
        finally:
            if not is_taken:
                connection.close()
            self._places.release()

    async def _first_bytes(self, connection: socket.socket) -> bytes:
        """As many as tell CONNECT from all else."""
        first = b""
        while len(first) < len(_CONNECT) and _CONNECT.startswith(first):
            block = await self._loop.sock_recv(connection, len(_CONNECT) - len(first))
            if not block:
                break
            first += block
        return first

    async def _serve(self, first: bytes, connection: socket.socket) -> None:
        """Serve a connection until it ends."""
        handler = _Connection(self._server, self._loop, first, self._bounds.idle_seconds)
        try:
            await self._loop.connect_accepted_socket(lambda: handler, connection)
            await handler.ended.wait()
        finally:
            handler.abort()


class _Connection(RequestHandler):
    """A connection of HTTP whose first bytes were read by somebody else."""

    def __init__(self, server: web.Server, loop: asyncio.AbstractEventLoop, first: bytes, idle_seconds: float) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=idle_seconds,
            tcp_keepalive=False,
            access_log=None,  # type: ignore[arg-type]
            auto_decompress=False,
            # of a refused request; a sender that is cut off would see a broken connection instead of the answer
            lingering_time=_LINGER_SECONDS,
            max_line_size=2**14,
            max_field_size=2**14,
        )
        self._first = first
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.data_received(self._first)

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        self.ended.set()

    def abort(self) -> None:
        """Cut it."""
        transport = self.transport
        if isinstance(transport, asyncio.Transport):
            transport.abort()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what is not a request; nothing of it enters a log."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun")
        words = "this is not an HTTP/1.1 request" if status < 500 else "the gateway failed"
        response = web.Response(
            status=status,
            body=json.dumps({"error": {"message": words, "type": "invalid_request_error", "code": status}}).encode(),
            content_type="application/json",
        )
        response.headers["Server"] = SERVER_NAME
        response.force_close()
        return response
