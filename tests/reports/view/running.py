"""A live view that answers, in a thread of this process, so that a test can look behind it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from mlebench.reports.view.connections import Bounds
from mlebench.reports.view.guard import Guard, Password
from mlebench.reports.view.serving import serving
from mlebench.reports.view.view import View
from mlebench.reports.view.watched_runs import WatchedRuns

TOKEN = "the-token-of-tests"


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body."""
        return self.body.decode()


@dataclass(frozen=True)
class Running:
    """A server, and how it is asked."""

    view: View
    guard: Guard
    port: int
    address: str = field(init=False)
    """Of the first page."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", f"http://127.0.0.1:{self.port}/{TOKEN}/")

    @property
    def host(self) -> str:
        """As a request names it."""
        return f"127.0.0.1:{self.port}"

    def path(self, *parts: str, **query: str | int | None) -> str:
        """The path of a page."""
        return self.view.address(*parts, **query)

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, host: str | None = None, **headers: str) -> Answer:
        """One request on a connection of its own; `Sec-Fetch-Site` is written `Sec_Fetch_Site`."""
        told = {"Host": host or self.host, **{name.replace("_", "-"): value for name, value in headers.items()}}
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, body, told)
            response = connection.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)


@contextlib.contextmanager
def running(
    folder: Path,
    *,
    bounds: Bounds | None = None,
    password: Password | None = None,
    allows_control: bool = False,
    **guards: object,
) -> Iterator[Running]:
    """A server of the runs in `folder` on a free port of loopback."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    guard = Guard(TOKEN, port, password=password, **guards)  # type: ignore[arg-type]
    view = View(WatchedRuns(folder), f"/{TOKEN}", allows_control)
    begun: Future[Callable[[], object]] = Future()

    async def serve() -> None:
        ended = asyncio.Event()
        async with serving(view, guard, listening, bounds):
            begun.set_result(partial(asyncio.get_running_loop().call_soon_threadsafe, ended.set))
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    end = begun.result(60)
    try:
        yield Running(view, guard, port)
    finally:
        end()
        thread.join(60)
    assert not thread.is_alive()


@contextlib.contextmanager
def commanded(runs_dir: Path, *options: str) -> Iterator[str]:
    """The address that the command `mlebench view` prints, while it serves in a process of its own."""
    command = [sys.executable, "-m", "mlebench", "view", str(runs_dir), "--port", "0", "-q", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(60)
