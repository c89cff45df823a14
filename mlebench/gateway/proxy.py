"""The proxy of a gateway: tunnels to the hosts that a profile's `allow` opens, and to nothing else.

A container resolves no names: the harness does, and connects to what it found, if that is a public address. What passes is
TLS to that very host: the first message of a tunnel to port 443 must be a ClientHello that names it. What is said within TLS
is not seen, only counted.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import socket
from collections import Counter
from collections.abc import Callable

from mlebench._support.quantities import show_size
from mlebench.gateway.bounds import Bounds
from mlebench.gateway.client_hello import LARGEST, Incomplete, NotTls, looks_like_tls, server_name
from mlebench.gateway.notes import Notes
from mlebench.gateway.open_hosts import TLS_PORT, OpenHosts, Target, address_of, read_target

_LARGEST_HEAD = 2**13
_BLOCK = 2**16


class _Refused(Exception):
    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Proxy:
    """The tunnels of one run."""

    def __init__(
        self,
        hosts: OpenHosts,
        knows: Callable[[str], bool],
        bounds: Bounds,
        note: Callable[[str], None],
    ) -> None:
        """In a running loop.

        Args:
            hosts: that are open.
            knows: whether a token is that of the run.
            bounds: of tunnels.
            note: writes a line to the run's log.
        """
        self._hosts = hosts
        self._knows, self._bounds, self._note = knows, bounds, note
        self._notes = Notes(note)
        self._places = asyncio.Semaphore(bounds.tunnels)
        self._tunnels: Counter[Target] = Counter()
        self._sent: Counter[Target] = Counter()
        self._received: Counter[Target] = Counter()

    async def serve(self, first: bytes, connection: socket.socket) -> None:
        """Serve one connection, whose first bytes were read, and close it."""
        reader, writer = await asyncio.open_unix_connection(sock=connection, limit=_LARGEST_HEAD)
        try:
            async with self._places:
                await self._tunnel(first, reader, writer)
        except _Refused as refusal:
            with contextlib.suppress(OSError, TimeoutError):
                await self._refuse(writer, refusal)
        except (OSError, EOFError, TimeoutError):
            pass
        finally:
            writer.transport.abort()

    def report(self) -> None:
        """Write down what passed."""
        for target, count in sorted(self._tunnels.items()):
            sent, received = show_size(self._sent[target]), show_size(self._received[target])
            self._note(f"{target}: {count} connection{'s' if count > 1 else ''}, {sent} sent, {received} received")

    async def _tunnel(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(self._bounds.head_seconds):
            target = self._target(first + await _head(reader))
        there = await self._connect(target)
        try:
            self._tunnels[target] += 1
            self._notes.once(f"opened {target}")
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await self._relay(target, reader, writer, *there)
        finally:
            there[1].transport.abort()

    def _target(self, head: bytes) -> Target:
        """The host that a request asks for.

        Raises:
            _Refused: it may not have it.
        """
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise _Refused("400 Bad Request", "this is not an HTTP/1.1 request")
        fields = [line.partition(":") for line in lines[1:]]
        tokens = [_token(value.strip()) for name, _, value in fields if name.strip().lower() == "proxy-authorization"]
        if len(tokens) != 1 or not self._knows(tokens[0]):
            raise _Refused("407 Proxy Authentication Required", "the proxy takes the key of this run as the user's name")
        try:
            target = read_target(words[1])
        except ValueError as error:
            raise _Refused("400 Bad Request", str(error)) from None
        if not self._hosts.has(target):
            self._notes.once(f"refused {target}: not in the profile's `allow`")
            raise _Refused("403 Forbidden", f"{target} is not open to this run; its profile's `allow` names those that are")
        return target

    async def _connect(self, target: Target) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to one of the host's addresses.

        Raises:
            _Refused: there is none.
        """
        try:
            async with asyncio.timeout(self._bounds.connect_seconds):
                found = [address_of(text) for text in await _resolve(target.host, target.port)]
        except (OSError, ValueError, TimeoutError):
            raise _Refused("502 Bad Gateway", f"{target.host} cannot be resolved") from None
        open_ones = [address for address in found if self._hosts.may_lead_to(address, target.port)]
        if not open_ones:
            self._notes.once(f"refused {target}: it leads to an address that is not public")
            raise _Refused("403 Forbidden", f"{target.host} leads to an address that is not public")
        for address in open_ones:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._bounds.connect_seconds):
                    return await asyncio.open_connection(str(address), target.port, limit=_BLOCK)
        raise _Refused("502 Bad Gateway", f"{target} cannot be reached")

    async def _relay(
        self,
        target: Target,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        their_reader: asyncio.StreamReader,
        their_writer: asyncio.StreamWriter,
    ) -> None:
        """Pass bytes both ways until one side is gone, or nothing passes for long."""
        deadline = _Deadline(self._bounds.tunnel_idle_seconds)

        async def out() -> None:
            async with asyncio.timeout(self._bounds.head_seconds) as beginning:
                if target.port != TLS_PORT:
                    # others may wait for the server to speak first
                    beginning.reschedule(None)
                hello = await self._hello(target, reader)
            their_writer.write(hello)
            self._sent[target] += len(hello)
            await _copy(reader, their_writer, deadline, lambda count: self._sent.update({target: count}))

        async def back() -> None:
            await _copy(their_reader, writer, deadline, lambda count: self._received.update({target: count}))

        tasks = [asyncio.create_task(out()), asyncio.create_task(back()), asyncio.create_task(deadline.passed())]
        try:
            # each way may end alone: some clients close theirs and go on reading
            await _both_ways(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _hello(self, target: Target, reader: asyncio.StreamReader) -> bytes:
        """The first bytes of a tunnel, if they may pass.

        Raises:
            ConnectionError: they may not.
        """
        data = b""
        while len(data) <= LARGEST:
            block = await reader.read(_BLOCK)
            if not block:
                break
            data += block
            if target.port != TLS_PORT and not looks_like_tls(data):
                return data
            try:
                name = server_name(data)
            except Incomplete:
                continue
            except NotTls as error:
                self._notes.once(f"cut {target}: {error}")
                raise ConnectionAbortedError from None
            expected = None if target.address is not None else target.host
            if name is None and expected is None:
                return data
            if name is None or name.removesuffix(".") != expected:
                self._notes.once(f"cut {target}: the ClientHello names {'no server' if name is None else 'another server'}")
                raise ConnectionAbortedError
            return data
        raise ConnectionAbortedError

    async def _refuse(self, writer: asyncio.StreamWriter, refusal: _Refused) -> None:
        body = f"{refusal.message}\n".encode()
        extra = 'Proxy-Authenticate: Basic realm="mlebench"\r\n' if refusal.status.startswith("407") else ""
        fields = f"{extra}Content-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        writer.write(f"HTTP/1.1 {refusal.status}\r\n{fields}\r\n".encode() + body)
        async with asyncio.timeout(self._bounds.head_seconds):
            await writer.drain()
            writer.close()
            await writer.wait_closed()


class _Deadline:
    """Ends a tunnel through which nothing passes."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._now = asyncio.get_running_loop().time
        self._last = self._now()

    def move(self) -> None:
        """Something passed."""
        self._last = self._now()

    async def passed(self) -> None:
        """Returns never; raises when nothing has passed for long.

        Raises:
            TimeoutError: so it is.
        """
        while (left := self._last + self._seconds - self._now()) > 0:
            await asyncio.sleep(left)
        raise TimeoutError


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deadline: _Deadline, count: Callable[[int], None]
) -> None:
    while block := await reader.read(_BLOCK):
        writer.write(block)
        count(len(block))
        deadline.move()
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _both_ways(out: asyncio.Task[None], back: asyncio.Task[None], late: asyncio.Task[None]) -> None:
    """Wait until both ways have ended, or anything failed."""
    waiting = {out, back, late}
    while out in waiting or back in waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise _Refused("431 Request Header Fields Too Large", f"the head has more than {_LARGEST_HEAD} bytes") from None


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def _token(header: str) -> str:
    """The token in `Proxy-Authorization`: `Bearer TOKEN`, or `Basic` with the token as the user or the password."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return value.strip() if scheme.lower() == "bearer" else ""
    try:
        user, _, password = base64.b64decode(value.strip(), validate=True).decode("latin-1").partition(":")
    except (binascii.Error, ValueError):
        return ""
    return password or user
