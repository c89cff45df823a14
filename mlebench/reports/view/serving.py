"""Opens the port, says where the pages are, and serves them until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from grading.printable import printable
from mlebench._support.hints import command
from mlebench.errors import UsageError
from mlebench.reports.view.connections import Bounds, Connections
from mlebench.reports.view.guard import LOOPBACK, Guard, new_token, read_password
from mlebench.reports.view.server import make_application
from mlebench.reports.view.view import View
from mlebench.reports.view.watched_runs import WatchedRuns
from mlebench.runs.group import is_group

FIRST_PORT, _PORTS = 8765, 20
_LARGEST_PORT = 65535
_BACKLOG = 128
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHUTDOWN_SECONDS = 1.0


@dataclass(frozen=True)
class Settings:
    """How the pages are served."""

    port: int | None = None
    """0: any that is free; None: the first free one from `FIRST_PORT` on."""
    address: str = "127.0.0.1"
    """At which it listens: a number, or a name of this machine."""
    password_file: Path | None = None
    """Needed beyond loopback."""
    trusted_hosts: tuple[str, ...] = ()
    """Other names for this server, each with its port where it has one."""
    allows_control: bool = False


class Served(NamedTuple):
    """Where the pages are."""

    address: str
    """With its token."""
    port: int
    is_loopback: bool
    """Whether this machine alone reaches it."""


def serve(folder: Path, settings: Settings, announce: Callable[[Served], object]) -> None:
    """Serve the live pages until Ctrl-C, or until the process is asked to end.

    Args:
        folder: of run groups, or of one group.
        settings: how.
        announce: called once requests are taken.

    Raises:
        UsageError: there is no such folder, the port is taken, or an option asks for what cannot be.
    """
    runs, first = watched(folder)
    password = None if settings.password_file is None else read_password(settings.password_file)
    trusted = frozenset(map(_host, settings.trusted_hosts))
    with _listening(settings) as listening:
        host, port = listening.getsockname()[:2]
        found = ipaddress.ip_address(host.partition("%")[0])
        if not found.is_loopback and password is None:
            raise UsageError(
                f"{printable(settings.address)} is open to others; add `--password-file FILE`, or omit `--bind` and use `ssh -L`"
            )
        token = new_token()
        names = frozenset(
            {*LOOPBACK, host, settings.address.lower(), *([socket.gethostname().lower()] if found.is_unspecified else [])}
        )
        guard = Guard(token, port, names, trusted, takes_addresses=found.is_unspecified, password=password)
        view = View(runs, f"/{token}", settings.allows_control)
        shown = socket.gethostname() if found.is_unspecified else f"[{host}]" if found.version == 6 else host
        served = Served(f"http://{shown}:{port}{view.address(*first)}", port, found.is_loopback)
        # the first look may take seconds, in which the browser is opened
        threading.Thread(target=runs.look, name="first-look", daemon=True).start()
        asyncio.run(_serve(view, guard, listening, lambda: announce(served)))


def watched(folder: Path) -> tuple[WatchedRuns, tuple[str, ...]]:
    """The runs that are shown, and the parts of the address of the first page: that of the group where one is named.

    Raises:
        UsageError: there is no such folder, or it cannot be read.
    """
    # `..` is not a group name
    folder = folder.resolve() if ".." in folder.parts else folder.absolute()
    try:
        with os.scandir(folder):
            pass
    except FileNotFoundError:
        making = command("run", "--agent", "dummy", "-c", "ID", runs_dir=folder)
        raise UsageError(
            f"{folder} does not exist; pass the folder of your run groups, or create a group with {making}"
        ) from None
    except OSError as error:
        raise UsageError(f"cannot read {folder}: {error.strerror}; pass the folder of your run groups") from None
    if is_group(folder):
        return WatchedRuns(folder.parent, only=folder.name), ("g", folder.name)
    return WatchedRuns(folder), ()


def _host(text: str) -> tuple[str, int | None]:
    """A host that is trusted, and its port; None: whatever port.

    Raises:
        UsageError: it is none.
    """
    with contextlib.suppress(ValueError):
        found = urlsplit(f"//{text}")
        if found.hostname and found.netloc == text and "@" not in text:
            return found.hostname, found.port
    raise UsageError(f"`--trusted-host {printable(text)}` is not a host; write a name such as view.example.org, or NAME:PORT")


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """A socket that takes connections.

    Raises:
        UsageError: the address is none of this machine's, or the port is taken.
    """
    if settings.port is not None and settings.port > _LARGEST_PORT:
        raise UsageError(f"port {settings.port} does not exist; choose one up to {_LARGEST_PORT}, or omit `--port`")
    ports = [*range(FIRST_PORT, FIRST_PORT + _PORTS), 0] if settings.port is None else [settings.port]
    try:
        family, _, _, _, place = socket.getaddrinfo(settings.address, None, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise UsageError(
            f"`--bind {printable(settings.address)}` is not an address of this machine; `hostname -I` lists them"
        ) from None
    for port in ports:
        listening = socket.socket(family, socket.SOCK_STREAM)
        with listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listening.bind((place[0], port, *place[2:]))
                listening.listen(_BACKLOG)
            except OSError as error:
                if error.errno == errno.EADDRINUSE and port != ports[-1]:
                    continue
                raise _not_open(settings, port, error) from None
            yield listening
            return


def _not_open(settings: Settings, port: int, error: OSError) -> UsageError:
    if error.errno == errno.EADDRINUSE:
        return UsageError(f"port {port} of {settings.address} is in use; omit `--port` to use a free one")
    if error.errno == errno.EACCES:
        return UsageError(f"port {port} is reserved for root; choose one from 1024 up, or omit `--port`")
    return UsageError(
        f"`--bind {printable(settings.address)}` cannot be opened ({error.strerror}); `hostname -I` lists addresses"
    )


@contextlib.asynccontextmanager
async def serving(view: View, guard: Guard, listening: socket.socket, bounds: Bounds | None = None) -> AsyncIterator[None]:
    """While it lasts, connections of a listening socket are answered, and the socket is closed in the end."""
    bounds = bounds or Bounds()
    runner = web.AppRunner(make_application(view, guard, bounds), shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    assert runner.server is not None
    connections = Connections(runner.server, bounds)
    server = await asyncio.get_running_loop().create_server(connections, sock=listening, backlog=_BACKLOG)
    try:
        yield
    finally:
        server.close()
        await runner.cleanup()


async def _serve(view: View, guard: Guard, listening: socket.socket, announce: Callable[[], object]) -> None:
    """Until a signal says that it is enough."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in _SIGNALS:
        loop.add_signal_handler(number, ended.set)
    async with serving(view, guard, listening):
        announce()
        await ended.wait()
