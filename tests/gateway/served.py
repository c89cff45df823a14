"""A gateway before the scripted provider, and clients that ask it over its socket."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self, get_args

import pytest

from mlebench._support.dialect import DialectName
from mlebench._support.ledger import ledger_lines
from mlebench.gateway.access import ModelAccess
from mlebench.gateway.bounds import Bounds
from mlebench.gateway.gateway import Gateway
from mlebench.gateway.models import Model, Prices
from tests.gateway.provider import KEY, Provider

TOKEN = "mlebench-token-of-this-run"
DIALECTS: tuple[DialectName, ...] = get_args(DialectName)
SECONDS = 120.0


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes

    @property
    def content(self) -> Any:
        return json.loads(self.body)


class Connection(http.client.HTTPConnection):
    """To a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = connected(self._path)


def connected(path: Path) -> socket.socket:
    """A plain connection."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(SECONDS)
    connection.connect(str(path))
    return connection


def received(connection: socket.socket) -> bytes:
    """All that comes until the other end closes."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(2**16):
            parts.append(part)
    return b"".join(parts)


def path_of(dialect: str, model: str = "a-model", is_streaming: bool = False) -> str:
    verb = "streamGenerateContent?alt=sse" if is_streaming else "generateContent"
    paths = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
    return paths.get(dialect, f"/v1beta/models/{model}:{verb}")


def content_of(dialect: str, text: str = "hi", model: str = "a-model", is_streaming: bool = False) -> dict[str, Any]:
    """The smallest request."""
    message = {"role": "user", "content": text}
    content = {
        "chat": {"messages": [message], "max_tokens": 50},
        "responses": {"input": text, "max_output_tokens": 50},
        "messages": {"messages": [message], "max_tokens": 50},
        "gemini": {"contents": [{"role": "user", "parts": [{"text": text}]}], "generationConfig": {"maxOutputTokens": 50}},
    }[dialect]
    return content if dialect == "gemini" else {**content, "model": model} | ({"stream": True} if is_streaming else {})


class Served:
    """One run's gateway, and all that it did."""

    def __init__(self, provider: Provider, folder: Path, bounds: Bounds | None = None, **access: Any) -> None:
        self.provider, self.folder = provider, folder
        self.notes: list[str] = []
        self.woken = threading.Event()
        self.address = folder / "s"
        folder.mkdir(parents=True, exist_ok=True)
        access = {"models": {"a-model": a_model(provider)}, "keys": {"KEY": KEY}} | access
        self.access = ModelAccess(**access)
        self.bounds = bounds or Bounds()
        self.gateway = self.serve()

    def serve(self, token: str = TOKEN) -> Gateway:
        """A gateway of this run, as a harness that re-attaches serves it."""
        self.gateway = Gateway(self.access, self.address, self.folder, token, (), self.notes.append, self.woken.set, self.bounds)
        return self.gateway

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = TOKEN,
    ) -> Reply:
        """One request over a connection of its own; a body other than bytes is sent as JSON."""
        connection = Connection(self.address)
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        try:
            connection.request(
                method, path, content, {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
            )
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def call(
        self, dialect: str = "chat", is_streaming: bool = False, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Reply:
        """Ask the model."""
        content = content_of(dialect, is_streaming=is_streaming) | more
        return self.ask("POST", path_of(dialect, is_streaming=is_streaming), content, headers)

    def answers(self) -> bool:
        """Whether a good call is answered; where bounds are short, a busy client may be cut off instead."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.call().status == 200
        return False

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The lines of the ledger."""
        path = self.folder / "model_calls.jsonl"
        return list(ledger_lines(path, 2**30)) if path.exists() else []

    @property
    def written(self) -> bytes:
        """All that the gateway wrote into the run's folder."""
        import gzip

        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return b"".join(gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in files)

    def raw(self, data: bytes, *, ends: bool = False) -> bytes:
        """What is answered to bytes of any kind, until the connection is closed."""
        with connected(self.address) as connection:
            with contextlib.suppress(BrokenPipeError):
                connection.sendall(data)
                if ends:
                    connection.shutdown(socket.SHUT_WR)
            return received(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.gateway.close()
        assert not self.address.exists()


def a_model(provider: Provider, name: str = "a-model", **settings: Any) -> Model:
    """A model of the provider, asked in four dialects, at 1 and 2 dollars for a million tokens."""
    given = {
        "name": name,
        "served": "the-model",
        "provider": "acme",
        "dialects": DIALECTS,
        "base_url": provider.base_url("chat"),
        "base_urls": {"gemini": provider.base_url("gemini")},
        "key": "KEY",
        "prices": Prices(input=1, output=2),
        "most_output": 1000,
    }
    return Model(**{**given, **settings})


def small(**settings: Any) -> Bounds:
    """Bounds that a test reaches."""
    return dataclasses.replace(Bounds(), **settings)


@contextlib.contextmanager
def serving(folder: Path, bounds: Bounds | None = None, key: str | None = KEY, **access: Any) -> Iterator[Served]:
    """A provider and a gateway before it."""
    with Provider(key) as provider, Served(provider, folder / "run", bounds, **access) as served:
        yield served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as served:
        yield served
