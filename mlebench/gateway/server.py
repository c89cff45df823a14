"""What the gateway of one run answers: to whom, on which paths, and in whose words it refuses."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from aiohttp.web import BaseRequest, Response, StreamResponse

from mlebench._support.rate import Rate
from mlebench.errors import Refusal
from mlebench.gateway.access import ModelAccess
from mlebench.gateway.bounds import Bounds
from mlebench.gateway.dialects.base import Dialect, Route
from mlebench.gateway.dialects.table import DIALECTS, find_route
from mlebench.gateway.exchange import Exchange, Services
from mlebench.gateway.front import SERVER_NAME
from mlebench.gateway.model_call import ModelCall
from mlebench.gateway.prepared import Prepared
from mlebench.gateway.replays import Answered, Replays
from mlebench.gateway.request_body import written
from mlebench.gateway.request_reader import TOKEN_PARAMETER, RequestReader, no_model

_log = logging.getLogger(__name__)
_TOKEN_HEADERS = ("x-api-key", "api-key", "x-goog-api-key")


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
        self._reader = RequestReader(access, bounds, note)
        self._requests = Rate(bounds.requests_at_once, 1 / bounds.requests_per_second)
        self._refusals = Rate(bounds.refusals_at_once, 1.0)
        self._calls = asyncio.Semaphore(bounds.calls)
        self._replays = Replays(bounds.replays, bounds.replay)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closed = False

    async def answer(self, request: BaseRequest) -> StreamResponse:
        """Answer one request, whatever it is."""
        task = asyncio.current_task()
        assert task is not None
        if self._is_closed:
            raise ConnectionAbortedError("the gateway is closed")
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
        self._is_closed = True
        tasks = list(self._tasks)
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
            raise Refusal(400, "invalid", "ask for a path, such as `/v1/models`; this is not a proxy for other addresses")
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
            return Response(body=written(self._listed(dialect, route.model)), content_type="application/json")
        async with contextlib.AsyncExitStack() as held:
            prepared = await self._prepared(request, dialect, route, held)
            return await self._call(request, prepared)

    def _listed(self, dialect: Dialect, name: str | None) -> dict[str, Any]:
        """The list of models, or the one of that name."""
        models = self._access.models
        if name is not None and name not in models:
            raise no_model(name, models)
        return dialect.models({listed: models[listed].dialects for listed in sorted(models)}, name)

    async def _prepared(self, request: BaseRequest, dialect: Dialect, route: Route, held: contextlib.AsyncExitStack) -> Prepared:
        try:
            return await self._reader.read(request, dialect, route, held)
        except Refusal as refusal:
            # before the line is written, so that no flood of lines fills the disk
            await self._refusals.wait_for()
            action: Literal["generate", "count"] = "count" if route.action == "count" else "generate"
            # a name that nobody serves is not a model, and would hide those that are behind a hundred of its kind
            model = route.model if route.model in self._access.models else None
            line = ModelCall("refused", refusal.status, action, dialect.name, model, reason=refusal.message)
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

    def _is_known(self, request: BaseRequest) -> bool:
        given = [request.headers.get(name, "") for name in _TOKEN_HEADERS]
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            given.append(value.strip())
        given.append(request.query.get(TOKEN_PARAMETER, ""))
        return any(self.knows(token) for token in given if token)


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
