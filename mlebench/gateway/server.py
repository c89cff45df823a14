"""What the gateway of one run answers: to whom, on which paths, and in whose words it refuses."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from aiohttp.web import BaseRequest, Response, StreamResponse

from mlebench._support.rate import Rate
from mlebench.errors import Refusal
from mlebench.gateway.access import ModelAccess
from mlebench.gateway.bounds import Bounds
from mlebench.gateway.dialects.base import Dialect, Route
from mlebench.gateway.dialects.table import DIALECTS, find_route
from mlebench.gateway.exchange import Exchange, Prepared, Services
from mlebench.gateway.front import SERVER_NAME
from mlebench.gateway.model_call import ModelCall
from mlebench.gateway.models import Model
from mlebench.gateway.replays import Answered, Replays
from mlebench.gateway.request_body import BodyReader, count_elements, parse, written
from mlebench.gateway.room import Room

_log = logging.getLogger(__name__)
_TOKEN_HEADERS = ("x-api-key", "api-key", "x-goog-api-key")
_TOKEN_PARAMETER = "key"
"""Of Gemini's clients."""
_LARGE = 2**18
"""Bytes of a request that is parsed in a thread."""
_BYTES_PER_ELEMENT = 16
"""What a value costs to parse, in bytes of text."""
_MOST_NAMES = 20
_MOST_NOTES = 100


class Server:
    """Answers the agent of one run."""

    def __init__(self, access: ModelAccess, token: str, services: Services, bounds: Bounds, note: Callable[[str], None]) -> None:
        """In a running loop.

        Args:
            access: what the run may ask.
            token: what its agent has for a key.
            services: of the run.
            bounds: of all that an agent may take.
            note: writes a line to the run's log.
        """
        self._access, self._token, self._services, self._bounds = access, token.encode(), services, bounds
        self._note = note
        self._noted: set[str] = set()
        self._requests = Rate(bounds.requests_at_once, 1 / bounds.requests_per_second)
        self._refusals = Rate(bounds.refusals_at_once, 1.0)
        self._bytes = Rate(4 * bounds.body, 1 / 2**24)
        self._room = Room(bounds.bodies)
        self._calls = asyncio.Semaphore(bounds.calls)
        self._large = asyncio.Semaphore(1)
        self._replays = Replays(bounds.replays, bounds.replay)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def answer(self, request: BaseRequest) -> StreamResponse:
        """Answer one request, whatever it is."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._requests.wait_for()
            response = await self._response(request)
            response.headers.setdefault("Server", SERVER_NAME)
            await self._deliver(response, request)
            await self._services.texts.has_room()
            return response
        except ConnectionError:
            if request.transport is not None:
                request.transport.abort()
            raise
        finally:
            self._tasks.discard(task)

    async def close(self) -> None:
        """Cut every request; returns when each is settled and written down."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def knows(self, token: str) -> bool:
        """Whether a token is that of this run."""
        return hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token)

    async def _response(self, request: BaseRequest) -> StreamResponse:
        dialect = _dialect_of(request)
        try:
            return await self._respond(request, dialect)
        except Refusal as refusal:
            return refused(dialect, refusal)
        except ConnectionError:
            raise
        except Exception:
            _log.exception("a request to the gateway broke off")
            if request.writer.output_size > 0:
                raise ConnectionAbortedError("an answer has begun") from None
            return refused(dialect, Refusal(500, "unavailable", "the gateway failed; its log says why"))

    async def _deliver(self, response: StreamResponse, request: BaseRequest) -> None:
        """Write what is not written yet, to a client that may be slow, but not for ever."""
        try:
            async with asyncio.timeout(self._bounds.write_seconds):
                await response.prepare(request)
                await response.write_eof()
        except TimeoutError:
            raise ConnectionAbortedError("the client does not read") from None

    async def _respond(self, request: BaseRequest, dialect: Dialect) -> StreamResponse:
        if request.method == "CONNECT" or not request.raw_path.startswith("/"):
            raise Refusal(400, "invalid", "ask for a path, such as `/v1/models`; this is no proxy for other addresses")
        if "websocket" in request.headers.get("Upgrade", "").lower():
            raise Refusal(426, "not-found", "there are no WebSockets here; ask by POST")
        path = request.rel_url.path
        if path in ("/", "/health"):
            if request.method not in ("GET", "HEAD"):
                raise Refusal(405, "not-found", f"{path} takes GET and HEAD")
            return Response(text='{"status":"running"}\n', content_type="application/json")
        if not self._is_known(request):
            raise Refusal(
                401, "token", "this is not the key of this run; use the one of your environment, such as OPENAI_API_KEY"
            )
        found = find_route(request.method, path)
        if found is None:
            raise Refusal(404, "not-found", f"there is no {request.method} {path[:200]} here")
        route = found[1]
        if route.action == "models":
            return Response(body=written(self._models(dialect, route.model)), content_type="application/json")
        async with contextlib.AsyncExitStack() as held:
            prepared = await self._prepared(request, dialect, route, held)
            return await self._call(request, prepared)

    async def _prepared(self, request: BaseRequest, dialect: Dialect, route: Route, held: contextlib.AsyncExitStack) -> Prepared:
        """The request, read and cleaned.

        Raises:
            Refusal: it cannot be used; the ledger says so.
        """
        try:
            body = await BodyReader(request, self._bounds, self._room).read(held)
            ended = asyncio.get_running_loop().time()
            query = {name: value for name, value in request.query.items() if name != _TOKEN_PARAMETER}
            return await self._understood(_Received(dialect, route, body, _headers(request), query, ended))
        except Refusal as refusal:
            # before the line is written, so that no flood of lines fills the disk
            await self._refusals.wait_for()
            action: Literal["generate", "count"] = "count" if route.action == "count" else "generate"
            line = ModelCall("refused", refusal.status, action, dialect.name, route.model, reason=refusal.message)
            self._services.ledger.append(line.to_entry())
            raise

    async def _call(self, request: BaseRequest, prepared: Prepared) -> StreamResponse:
        key = _replay_key(request, prepared)
        if key is None:
            async with self._calls:
                return await Exchange(self._services, prepared).answer(request)
        claim = await self._replays.claim(key)
        if isinstance(claim, Answered):
            return self._replay(claim, prepared)
        try:
            async with self._calls:
                exchange = Exchange(self._services, prepared)
                response = await exchange.answer(request)
            if exchange.kept is not None:
                claim.keep(exchange.kept)
            return response
        finally:
            claim.drop()

    def _replay(self, answered: Answered, prepared: Prepared) -> Response:
        digest = hashlib.sha256(answered.body).hexdigest()
        line = replace(prepared.record, outcome="replayed", status=answered.status, response_sha256=digest, retry=True)
        self._services.ledger.append(line.to_entry())
        return Response(status=answered.status, headers=answered.headers, body=answered.body)

    async def _understood(self, received: _Received) -> Prepared:
        body = received.body
        await self._bytes.wait_for(len(body))
        if len(body) < _LARGE:
            prepared = self._read(received)
        else:
            await self._bytes.wait_for(min(count_elements(body), self._bounds.elements) * _BYTES_PER_ELEMENT)
            prepared = await self._read_in_turn(received)
        for word in prepared.call.removed:
            self._note_once(f"took out of a request: {word}")
        return prepared

    async def _read_in_turn(self, received: _Received) -> Prepared:
        """Read a large request, one at a time: what is parsed is many times as large."""
        await self._large.acquire()
        work = asyncio.get_running_loop().run_in_executor(None, self._read, received)
        # no caller that hangs up ends the thread
        work.add_done_callback(lambda _: self._large.release())
        return await asyncio.shield(work)

    def _read(self, received: _Received) -> Prepared:
        dialect, route = received.dialect, received.route
        content = parse(received.body, self._bounds.elements)
        name = route.model or (content.get("model") if isinstance(content, dict) else None)
        model = self._access.models.get(name) if isinstance(name, str) else None
        grants = self._access.grants
        try:
            call = dialect.read(route, content, received.query, grants, model.fields if model else ())
        except (UnicodeError, RecursionError):
            raise Refusal(400, "invalid", "the request holds half characters, or is nested too deeply") from None
        model = self._model(call.model, dialect)
        headers, removed = dialect.request_headers(received.headers, grants)
        call = replace(call, removed=(*call.removed, *removed))
        retries = received.headers.get("x-stainless-retry-count", "0")
        sent = written(dialect.body(call, model.served))
        return Prepared(dialect, model, call, sent, headers, received.ended, retries.strip() not in ("", "0"))

    def _models(self, dialect: Dialect, name: str | None) -> dict[str, Any]:
        """The list of models, or the one of that name."""
        if name is not None and name not in self._access.models:
            raise self._no_model(name)
        return dialect.models({name: model.dialects for name, model in self._access.models.items()}, name)

    def _no_model(self, name: str) -> Refusal:
        names = sorted(self._access.models)
        listed = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
        return Refusal(404, "unknown-model", f"there is no model {name[:200]!r} in this run; there are: {listed or 'none'}")

    def _model(self, name: str, dialect: Dialect) -> Model:
        model = self._access.models.get(name)
        if model is None:
            raise self._no_model(name)
        if dialect.name not in model.dialects:
            others = ", ".join(model.dialects)
            raise Refusal(400, "invalid", f"model {name!r} is not asked in the dialect `{dialect.name}`, but in: {others}")
        if model.key is not None and model.key not in self._access.keys:
            raise Refusal(400, "unavailable", f"there is no key for model {name!r}")
        return model

    def _is_known(self, request: BaseRequest) -> bool:
        given = [request.headers.get(name, "") for name in _TOKEN_HEADERS]
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            given.append(value.strip())
        given.append(request.query.get(_TOKEN_PARAMETER, ""))
        return any(self.knows(token) for token in given if token)

    def _note_once(self, line: str) -> None:
        if line not in self._noted and len(self._noted) < _MOST_NOTES:
            self._noted.add(line)
            self._note(line)


@dataclass(frozen=True)
class _Received:
    """A request as it came."""

    dialect: Dialect
    route: Route
    body: bytes
    headers: Mapping[str, str]
    query: Mapping[str, str]
    ended: float
    """When its last byte had come, by the loop's clock."""


def refused(dialect: Dialect, refusal: Refusal) -> Response:
    """The answer that says why there is none."""
    response = Response(status=refusal.status, body=dialect.refusal(refusal), headers={"content-type": "application/json"})
    if refusal.status in (408, 413, 415, 426) or refusal.kind in ("token", "not-found"):
        # the rest of the request is not read
        response.force_close()
    return response


def _dialect_of(request: BaseRequest) -> Dialect:
    """The dialect in which an answer is to be written, whatever was asked."""
    path, headers = request.rel_url.path, request.headers
    found = None
    with contextlib.suppress(Refusal):
        found = find_route(request.method, path)
    if found is not None and found[1].action != "models":
        return found[0]
    if "anthropic-version" in headers or "x-api-key" in headers or path.startswith("/v1/messages"):
        return DIALECTS["messages"]
    if "x-goog-api-key" in headers or path.startswith("/v1beta"):
        return DIALECTS["gemini"]
    if path.startswith("/v1/responses"):
        return DIALECTS["responses"]
    return found[0] if found is not None else DIALECTS["chat"]


def _headers(request: BaseRequest) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _replay_key(request: BaseRequest, prepared: Prepared) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if not key:
        return None
    call = prepared.call
    parts = (key.encode("utf-8", "surrogateescape"), prepared.dialect.name.encode(), call.action.encode(), call.model.encode())
    digest = hashlib.sha256(prepared.body)
    for part in (*parts, b"s" if call.is_streaming else b"p"):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
