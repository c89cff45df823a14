"""One request and its answer over a connected socket, with every part bounded in bytes and time.

The peer is not trusted. A request's head is read completely, within a bound, before it is parsed; each part has its own deadline;
and one meter for all connections of a server limits the read rate, so that neither floods nor single bytes cost more than a share
of a core.
"""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from collections.abc import Callable, Mapping

import h11

from mlebench._support.rate import Rate

_LARGEST_HEAD = 8192
_MOST_LINES = 64
_HEAD_SECONDS = 10.0
_BODY_SECONDS = 30.0
_BODY_BYTES_PER_SECOND = 2**20
"""Extra time for a larger body."""
_ANSWER_SECONDS = 10.0
_LONGEST_LENGTH = 15
_LINGER_SECONDS, _LINGER_IDLE_SECONDS = 30.0, 1.0
_BLOCK = 2**16
_LEAST_CHARGE = 2**14
"""Reading a single byte costs the harness as much as reading this many."""
_END_OF_HEAD = re.compile(rb"\n\r?\n")


class Refused(Exception):
    """A request that cannot be served, with the corresponding HTTP status."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


class Exchange:
    """One request over a connection, which is closed on exit."""

    def __init__(self, connection: socket.socket, meter: Rate) -> None:
        """Args:
        connection: a non-blocking socket; closed by `close`.
        meter: byte meter, shared by all exchanges of a server.
        """
        self.method = self.path = ""
        self.headers: Mapping[str, str] = {}
        """By lower-case name; of duplicates, the last."""
        self._socket = connection
        self._meter = meter
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST_HEAD)

    async def read_head(self) -> bool:
        """Read the request's head; False if the peer hung up before.

        Raises:
            Refused: it is invalid, too large or too slow.
        """
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                head = await self._head()
        except TimeoutError:
            raise Refused(408, "the request was sent too slowly") from None
        if not head:
            return False
        self._http.receive_data(head)
        try:
            event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            raise Refused(error.error_status_hint, "this is not an HTTP/1.1 request") from None
        if not isinstance(event, h11.Request):
            raise Refused(400, "this is not an HTTP/1.1 request")
        self.method = event.method.decode("latin-1")
        self.path = event.target.decode("latin-1").split("?")[0]
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        return True

    def length(self) -> int:
        """Length of the body in bytes.

        Raises:
            Refused: the request does not state it.
        """
        text = self.headers.get("content-length", "")
        if not text.isdecimal() or "transfer-encoding" in self.headers:
            raise Refused(411, "the request has no Content-Length")
        return int(text) if len(text) <= _LONGEST_LENGTH else sys.maxsize

    async def read_body(self, take: Callable[[bytes], bool]) -> None:
        """Read the request's body.

        Args:
            take: receives it block by block, and returns whether it wants more.

        Raises:
            Refused: it was sent too slowly, or not as announced.
        """
        try:
            async with asyncio.timeout(_BODY_SECONDS + self.length() / _BODY_BYTES_PER_SECOND):
                if self._http.they_are_waiting_for_100_continue:
                    await self._send(h11.InformationalResponse(status_code=100, headers=[]))
                while not isinstance(event := self._http.next_event(), h11.EndOfMessage):
                    if event is h11.NEED_DATA:
                        self._http.receive_data(await self._receive(_BLOCK))
                    elif isinstance(event, h11.Data) and not take(bytes(event.data)):
                        return
        except TimeoutError:
            raise Refused(408, "the request was sent too slowly") from None
        except h11.RemoteProtocolError:
            raise Refused(400, "the request ends before its Content-Length") from None

    async def answer(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        """Send the answer, announcing that the connection closes after it.

        Raises:
            OSError: the peer hung up, or does not read.
        """
        fields = {**headers, "Content-Length": str(len(content)), "Connection": "close"}
        async with asyncio.timeout(_ANSWER_SECONDS):
            body = [h11.Data(data=content)] if self.method != "HEAD" else []
            response = h11.Response(status_code=status, headers=list(fields.items()))
            await self._send(response, *body, h11.EndOfMessage())
        self._socket.shutdown(socket.SHUT_WR)

    async def linger(self) -> None:
        """Read what is still being sent: otherwise the sender would see a broken connection instead of the answer."""
        async with asyncio.timeout(_LINGER_SECONDS):
            while True:
                async with asyncio.timeout(_LINGER_IDLE_SECONDS):
                    if not await self._receive(_BLOCK):
                        return

    def close(self) -> None:
        """Cut the connection."""
        self._socket.close()

    async def _head(self) -> bytes:
        head = b""
        while (found := _END_OF_HEAD.search(head)) is None:
            if len(head) >= _LARGEST_HEAD:
                raise Refused(431, f"the head of the request has more than {_LARGEST_HEAD} bytes")
            block = await self._receive(_LARGEST_HEAD - len(head))
            if not block:
                return b""
            head += block
        if head.count(b"\n", 0, found.end()) > _MOST_LINES:
            raise Refused(431, f"the head of the request has more than {_MOST_LINES} lines")
        return head

    async def _receive(self, most: int) -> bytes:
        await self._meter.wait_for(_LEAST_CHARGE)
        block = await asyncio.get_running_loop().sock_recv(self._socket, most)
        if len(block) > _LEAST_CHARGE:
            await self._meter.wait_for(len(block) - _LEAST_CHARGE)
        return block

    async def _send(self, *events: h11.Event) -> None:
        data = b"".join(self._http.send(event) or b"" for event in events)
        await asyncio.get_running_loop().sock_sendall(self._socket, data)
