"""The model gateway of a local run: a port of this machine, or a socket if the agent has a separate localhost."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from mlebench._support.loop_thread import LoopThread
from mlebench._support.plain_files import read_plain
from mlebench.sandbox.base import RunRequest
from mlebench.sandbox.run_gateway import CONTAINER_URL, Endpoint, RunGateway, kept_token, new_token

MODELS_NOTICE = (
    "plain sandbox: the agent can read model keys from the environment of the harness; the model gateway, its budget and its "
    "ledger still work"
)
_HERE = "127.0.0.1"
TOKEN, _PORT = "gateway-token", "gateway-port"
_LOWEST_PORT, _TRIES = 10_000, 100
"""Lower ports belong to well-known services."""
_BLOCK = 2**16
_SECONDS = 10.0
_Result = TypeVar("_Result")
_thread = LoopThread("ports of gateways")


class ServedGateway(RunGateway):
    """The gateway of one attempt, with its endpoint for the agent."""

    endpoint: Endpoint


class OwnGateway(ServedGateway):
    """A gateway that is forwarded to a port of the agent's own loopback device."""

    def __init__(self, request: RunRequest, address: Path, token: str, note: Callable[[str], None]) -> None:
        """Serve it; see `RunGateway`."""
        super().__init__(request, address, token, note)
        self.endpoint = Endpoint(CONTAINER_URL, token)


class LocalGateway(ServedGateway):
    """The gateway of one attempt at a loopback port, reachable by all users of the machine, so that the token is decisive."""

    def __init__(
        self, request: RunRequest, address: Path, token: str, note: Callable[[str], None], port: int | None = None
    ) -> None:
        """Serve it.

        Args:
            request: the run, which has models.
            address: the path of a Unix socket.
            token: the agent's key.
            note: receives a sentence for the run's log.
            port: the port that the agent knows; by default a free one.

        Raises:
            OSError: the port or the address cannot be bound, or the ledger cannot be written.
        """
        super().__init__(request, address, token, note)
        try:
            # last, so that any answer at the port comes from the gateway
            self._forwarder = Forwarder(address, port or 0)
        except BaseException:
            super().close()
            raise
        self.endpoint = Endpoint(f"http://localhost:{self._forwarder.port}", token)

    @classmethod
    def begin(cls, request: RunRequest, address: Path, state: Path, note: Callable[[str], None]) -> LocalGateway:
        """Serve a new attempt; `state` is the folder where the next harness finds token and port."""
        gateway = cls(request, address, new_token(state / TOKEN), note)
        try:
            (state / _PORT).write_text(str(gateway._forwarder.port), encoding="ascii")
        except BaseException:
            gateway.close()
            raise
        return gateway

    @classmethod
    def resume(cls, request: RunRequest, address: Path, state: Path, note: Callable[[str], None]) -> LocalGateway:
        """Serve an agent that is already running, at the port that it knows.

        Raises:
            OSError: the token or port is unknown, or another program uses the port.
        """
        token, port = kept_token(state / TOKEN), _kept_port(state / _PORT)
        try:
            return cls(request, address, token, note, port)
        except OSError as error:
            raise OSError(f"port {port}, which the agent uses, is not available ({error.strerror})") from error

    def close(self) -> None:
        """Close both."""
        super().close()
        self._forwarder.close()


def _kept_port(path: Path) -> int:
    text = read_plain(path, 10)
    if not text.isdigit() or not 0 < int(text) < 2**16:
        raise OSError(f"{path.name} does not contain a port")
    return int(text)


def _listen() -> socket.socket:
    """A socket at a free port, preferably outside the range for outgoing connections: such a port is soon reused by another
    program, so that a returning harness would find it taken."""
    highest = _first_given_port() - 1
    for _ in range(_TRIES if highest > _LOWEST_PORT else 0):
        with contextlib.suppress(OSError):
            return socket.create_server((_HERE, random.randint(_LOWEST_PORT, highest)), backlog=512)
    return socket.create_server((_HERE, 0), backlog=512)


def _first_given_port() -> int:
    """The lowest port that this system assigns automatically; 0 if unknown."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 0


class Forwarder:
    """Forwards connections between a loopback port and a Unix socket until it is closed."""

    def __init__(self, address: Path, port: int = 0) -> None:
        """Start listening.

        Args:
            address: returns the Unix socket; called for each connection.
            port: 0 for any free port.

        Raises:
            OSError: the port is not available.
        """
        self._address = address
        self._connections: set[asyncio.Task[None]] = set()
        listening = socket.create_server((_HERE, port), backlog=512) if port else _listen()
        self.port: int = listening.getsockname()[1]
        self._loop = _thread.join()
        self._server = self._do(asyncio.start_server(self._attend, sock=listening))

    def close(self) -> None:
        """Stop listening and cut every connection."""
        self._do(self._end())
        _thread.leave()

    def _do(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)

    async def _end(self) -> None:
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            # a peer that hangs up, on either side, is not our error
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._connect(reader, writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, to_behind = await asyncio.open_unix_connection(self._address)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pass_on(reader, to_behind))
                group.create_task(_pass_on(behind, writer))
        except* OSError:
            pass
        finally:
            to_behind.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while block := await reader.read(_BLOCK):
        writer.write(block)
        await writer.drain()
    writer.write_eof()
