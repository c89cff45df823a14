"""A provider of models for tests: it answers in four dialects as a script says, keeps what it received, and counts what it bills.

    with Provider() as provider:
        provider.answer = Answer(text="yes", tokens=Tokens(input=10, output=2))
        provider.script = [Answer(status=429, headers={"Retry-After": "1"})]  # the first request alone
        ... ask provider.base_url("chat") ...
        assert provider.billed == [("a-model", Tokens(input=10, output=2))]

It runs in a thread of its own, on a loopback port; all that a test calls may be called from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import re
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web

from mlebench.gateway.tokens import Tokens
from tests.gateway.answers import Said, failure, gemini_chunks, plain, stream

KEY = "sk-a-real-key-that-no-agent-may-see-0123456789"
"""What a provider's key looks like in tests."""


class Gate:
    """Where an answer waits until the test opens it."""

    def __init__(self) -> None:
        self._opened: Future[None] = Future()
        self._passed = threading.Condition()
        self.waiting = 0
        """Answers that have come here so far."""

    def open(self) -> None:
        """Let all pass, now and later."""
        if not self._opened.done():
            self._opened.set_result(None)

    def wait_for(self, count: int = 1, seconds: float = 180.0) -> None:
        """Wait until so many answers have come here."""
        with self._passed:
            assert self._passed.wait_for(lambda: self.waiting >= count, seconds), f"{self.waiting} of {count} answers came"

    async def _pass(self) -> None:
        with self._passed:
            self.waiting += 1
            self._passed.notify_all()
        await asyncio.shield(asyncio.wrap_future(self._opened))


@dataclass(frozen=True)
class Answer(Said):
    """What the provider does with one request; without further words it answers well."""

    status: int = 200
    """400 and more: an error in the dialect."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beside those of the answer, such as `Retry-After`, or `Location` with a status of 307."""
    body: bytes | None = None
    """In place of the dialect's own."""
    events: tuple[bytes, ...] | None = None
    """Of a stream, in place of the dialect's own."""
    delay: float = 0.0
    """Seconds before the status is sent."""
    between: float = 0.0
    """Seconds before each event of a stream after the first."""
    gate: Gate | None = None
    """Opened by the test before the status is sent."""
    gate_at: int | None = None
    """The gate stands before this event of a stream instead (0: after the headers)."""
    dies_at: int | None = None
    """Cut the connection before this event of a stream; in a plain answer after so many bytes; -1: before the status."""
    coding: Literal["", "gzip", "deflate"] = ""
    """How body or stream are compressed."""
    garbage: int | None = None
    """So many bytes of noise without an end of line in place of body or events, as fast as they are taken."""
    raw: bytes | None = None
    """Sent in place of all HTTP; then the connection is closed."""
    echoes_key: bool = False
    """The text (of an error, the message) holds the key that was received."""


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes
    dialect: str
    """Empty where the path is of none."""
    model: str

    @property
    def content(self) -> Any:
        """The parsed body; None where it is not JSON."""
        with contextlib.suppress(ValueError):
            return json.loads(self.body)
        return None

    @property
    def key(self) -> str:
        """The key in any of the headers that carry one."""
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        named = (self.headers.get(name, "") for name in ("x-api-key", "api-key", "x-goog-api-key"))
        return bearer or next(filter(None, named), "")

    @property
    def is_streaming(self) -> bool:
        """Whether a stream is asked for."""
        content = self.content
        return "streamGenerateContent" in self.path or (isinstance(content, dict) and content.get("stream") is True)


_PATHS = {
    "chat": re.compile(r"/chat/completions$"),
    "responses": re.compile(r"/responses$"),
    "messages": re.compile(r"/messages$"),
    "gemini": re.compile(r"/models/(?P<model>[^/:]+):(?:streamGenerateContent|generateContent)$"),
}
_COUNTS = {
    "messages": re.compile(r"/messages/count_tokens$"),
    "gemini": re.compile(r"/models/(?P<model>[^/:]+):countTokens$"),
    "responses": re.compile(r"/responses/input_tokens$"),
}


class Provider:
    """The server; a context manager that runs it."""

    def __init__(self, key: str | None = None) -> None:
        """With `key`, requests that carry another one are answered with 401."""
        self.key = key
        self.answer: Answer | Callable[[Received], Answer] = Answer()
        """For each request that `script` has no answer for."""
        self.script: list[Answer] = []
        """For the next requests, in order; each is taken out as it is used."""
        self.received: list[Received] = []
        self.billed: list[tuple[str, Tokens]] = []
        """Model and tokens of each answer that was not an error, as the provider itself counts them; of a stream that was cut
        off, the whole prompt and the share of the output that left."""
        self.hung_up = 0
        """Requests whose client went away before the answer's end."""
        self.most_at_once = 0
        """Requests that were answered at the same time."""
        self.port = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def base_url(self, dialect: str) -> str:
        """The base URL with the version, as `models.yaml` has it."""
        return f"http://127.0.0.1:{self.port}/{'v1beta' if dialect == 'gemini' else 'v1'}"

    @property
    def billed_tokens(self) -> Tokens:
        """The sum of all that was billed."""
        sums: Counter[str] = Counter()
        with self._lock:
            for _, tokens in self.billed:
                sums.update(vars(tokens))
        return Tokens(**sums)

    def __enter__(self) -> Self:
        started: Future[int] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True, name="provider")
        self._thread.start()
        self.port = started.result(180)
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        assert self._loop is not None and self._thread is not None
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(180)
        assert not self._thread.is_alive(), "the provider does not end"

    def _run(self, started: Future[int]) -> None:
        try:
            asyncio.run(self._serve(started))
        except BaseException as fault:
            if started.done():
                raise
            started.set_exception(fault)

    async def _serve(self, started: Future[int]) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        application = web.Application(client_max_size=2**30)
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.0, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        started.set_result(runner.addresses[0][1])
        await self._closing.wait()
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        received = await _receive(request)
        with self._lock:
            self.received.append(received)
            answer = self._next(received)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._reply(request, received, answer)
        except (asyncio.CancelledError, ConnectionError):
            with self._lock:
                self.hung_up += 1
            raise
        finally:
            with self._lock:
                self._at_once -= 1

    def _next(self, received: Received) -> Answer:
        if self.key is not None and received.key != self.key:
            return Answer(status=401)
        chosen = self.script.pop(0) if self.script else self.answer
        chosen = chosen if isinstance(chosen, Answer) else chosen(received)
        chosen = replace(chosen, model=received.model or chosen.model)
        return replace(chosen, text=f"your key is {received.key}, is it not?") if chosen.echoes_key else chosen

    async def _reply(self, request: web.Request, received: Received, answer: Answer) -> web.StreamResponse:
        if answer.gate is not None and answer.gate_at is None:
            await answer.gate._pass()
        await self._pause(answer.delay)
        if answer.dies_at == -1 or answer.raw is not None:
            return await _break_off(request, answer.raw or b"")
        if answer.garbage is not None:
            return await _babble(request, answer)
        if answer.status != 200 or answer.body is not None or not received.dialect:
            return await self._send(request, answer, _other_body(received, answer))
        if count := next((kind for kind, path in _COUNTS.items() if path.search(received.path)), ""):
            return await self._send(request, answer, _count(count, answer))
        if received.is_streaming:
            return await self._stream(request, received, answer)
        self._bill(answer, received)
        return await self._send(request, answer, plain(received.dialect, answer))

    def _bill(self, answer: Answer, received: Received, share: float = 1.0) -> None:
        if answer.tokens is not None:
            tokens = answer.tokens if share == 1 else replace(answer.tokens, output=int(answer.tokens.output * share))
            with self._lock:
                self.billed.append((received.model, tokens))

    async def _pause(self, seconds: float) -> None:
        """Let time pass, but no longer than the provider lives."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), seconds)

    async def _send(self, request: web.Request, answer: Answer, content: Any) -> web.StreamResponse:
        body = answer.body if answer.body is not None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json", **answer.headers}
        if answer.coding:
            body = gzip.compress(body) if answer.coding == "gzip" else zlib.compress(body)
            headers["Content-Encoding"] = answer.coding
        if answer.dies_at is None:
            return web.Response(status=answer.status, body=body, headers=headers)
        response = web.StreamResponse(status=answer.status, headers={**headers, "Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: answer.dies_at])
        return await _break_off(request)

    async def _stream(self, request: web.Request, received: Received, answer: Answer) -> web.StreamResponse:
        events, kind = _events(received, answer)
        headers = {"Content-Type": kind, "Cache-Control": "no-cache", **answer.headers}
        response = web.StreamResponse(headers=headers | ({"Content-Encoding": answer.coding} if answer.coding else {}))
        await response.prepare(request)
        squeeze = _squeezer(answer.coding)
        sent, is_billed = 0, False
        try:
            for n, event in enumerate(events):
                if answer.gate is not None and answer.gate_at == n:
                    await answer.gate._pass()
                await self._pause(answer.between if n else 0.0)
                if answer.dies_at == n:
                    return await _break_off(request)
                is_last = n == len(events) - 1
                if is_last:  # before the client can see the end
                    self._bill(answer, received)
                    is_billed = True
                await response.write(squeeze(event, is_last))
                sent += 1
            await response.write_eof()
        finally:
            if not is_billed:
                self._bill(answer, received, sent / max(1, len(events)))
        return response


async def _receive(request: web.Request) -> Received:
    body = await request.read()
    headers = {name.lower(): value for name, value in request.headers.items()}
    path = request.rel_url.path
    for dialect, pattern in [*_PATHS.items(), *_COUNTS.items()]:
        if request.method == "POST" and (found := pattern.search(path)):
            received = Received(request.method, path, dict(request.query), headers, body, dialect, "")
            content = received.content
            named = found.groupdict().get("model") or (content.get("model") if isinstance(content, dict) else "")
            return replace(received, model=str(named or ""))
    return Received(request.method, path, dict(request.query), headers, body, "", "")


async def _break_off(request: web.Request, raw: bytes = b"") -> web.StreamResponse:
    transport = request.transport
    assert transport is not None
    if raw:
        transport.write(raw)
        transport.close()
    else:
        transport.abort()
    return web.StreamResponse()


async def _babble(request: web.Request, answer: Answer) -> web.StreamResponse:
    assert answer.garbage is not None
    kind = "text/event-stream" if answer.coding == "" else "application/json"
    response = web.StreamResponse(status=answer.status, headers={"Content-Type": kind, **answer.headers})
    await response.prepare(request)
    block = b'{"garbage: \xff\xfe' * 2**12
    for start in range(0, answer.garbage, len(block)):
        await response.write(block[: answer.garbage - start])
    await response.write_eof()
    return response


def _other_body(received: Received, answer: Answer) -> Any:
    if answer.status >= 400:
        message = answer.text if answer.echoes_key else f"the provider answers with {answer.status}"
        return failure(received.dialect or "chat", answer.status, message)
    if received.method == "GET" and received.path.endswith("/models"):
        return {"object": "list", "data": [{"id": "a-model", "object": "model", "created": 1, "owned_by": "tests"}]}
    return {}


def _count(dialect: str, answer: Answer) -> dict[str, int]:
    count = answer.tokens.input if answer.tokens else 0
    return {"totalTokens": count} if dialect == "gemini" else {"input_tokens": count}


def _events(received: Received, answer: Answer) -> tuple[list[bytes], str]:
    """The events of a stream and its content type."""
    if answer.events is not None:
        return [*answer.events], "text/event-stream"
    if received.dialect == "gemini" and received.query.get("alt") != "sse":
        chunks = [json.dumps(chunk, indent=1).encode() for chunk in gemini_chunks(answer)]
        return [(b",\r\n" if n else b"[") + chunk for n, chunk in enumerate(chunks)] + [b"\n]\n"], "application/json"
    asks = isinstance(received.content, dict) and (received.content.get("stream_options") or {}).get("include_usage") is True
    return stream(received.dialect, answer, asks), "text/event-stream"


def _squeezer(coding: str) -> Callable[[bytes, bool], bytes]:
    if not coding:
        return lambda block, is_last: block
    machine = zlib.compressobj(wbits=31 if coding == "gzip" else 15)
    return lambda block, is_last: machine.compress(block) + machine.flush(zlib.Z_FINISH if is_last else zlib.Z_SYNC_FLUSH)
