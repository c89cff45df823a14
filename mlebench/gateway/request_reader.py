"""Reads requests to models: body, JSON and dialect, to what the provider is sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from aiohttp.web import BaseRequest

from mlebench._support.rate import Rate
from mlebench.errors import Refusal
from mlebench.gateway.access import ModelAccess
from mlebench.gateway.bounds import Bounds
from mlebench.gateway.dialects.base import Dialect, Route
from mlebench.gateway.models import Model
from mlebench.gateway.notes import Notes
from mlebench.gateway.prepared import Prepared
from mlebench.gateway.request_body import BodyReader, count_elements, parse, written
from mlebench.gateway.room import Room

TOKEN_PARAMETER = "key"
"""Of the query, where Gemini's clients put their key."""
_LARGE = 2**18
"""Bytes of a request that is parsed in a thread."""
_BYTES_AT_ONCE, _SECONDS_PER_BYTE = 2**28, 2**-25
_BYTES_PER_ELEMENT = 64
"""What a value costs to parse, in bytes of text."""
_MOST_NAMES = 20


class RequestReader:
    """Reads the requests of one run."""

    def __init__(self, access: ModelAccess, bounds: Bounds, note: Callable[[str], None]) -> None:
        """In a running loop.

        Args:
            access: what the run may ask.
            bounds: of requests.
            note: writes a line to the run's log.
        """
        self._access, self._bounds = access, bounds
        self._notes = Notes(note)
        self._bytes = Rate(_BYTES_AT_ONCE, _SECONDS_PER_BYTE)
        self._room = Room(bounds.bodies)
        self._large = asyncio.Semaphore(1)

    async def read(self, request: BaseRequest, dialect: Dialect, route: Route, held: contextlib.AsyncExitStack) -> Prepared:
        """Read one.

        Args:
            request: its head was read.
            dialect: of its path.
            route: of its path.
            held: keeps the room in memory that it takes.

        Raises:
            Refusal: it cannot be used.
        """
        body = await BodyReader(request, self._bounds, self._room).read(held)
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = {name: value for name, value in request.query.items() if name != TOKEN_PARAMETER}
        received = _Received(dialect, route, body, headers, query, asyncio.get_running_loop().time())
        await self._bytes.wait_for(len(body))
        if len(body) < _LARGE:
            prepared = self._prepared(received)
        else:
            await self._bytes.wait_for(min(count_elements(body), self._bounds.elements) * _BYTES_PER_ELEMENT)
            prepared = await self._in_turn(received)
        for word in prepared.call.removed:
            self._notes.once(f"took out of a request: {word}")
        return prepared

    async def _in_turn(self, received: _Received) -> Prepared:
        """Read a large request, one at a time: what is parsed is many times as large."""
        await self._large.acquire()
        work = asyncio.get_running_loop().run_in_executor(None, self._prepared, received)
        # no caller that hangs up ends the thread
        work.add_done_callback(self._end_turn)
        return await asyncio.shield(work)

    def _end_turn(self, work: asyncio.Future[Prepared]) -> None:
        self._large.release()
        if not work.cancelled():
            # where the caller hung up, nobody else asks
            work.exception()

    def _prepared(self, received: _Received) -> Prepared:
        dialect, route, grants = received.dialect, received.route, self._access.grants
        content = parse(received.body, self._bounds.elements)
        name = route.model or (content.get("model") if isinstance(content, dict) else None)
        model = self._access.models.get(name) if isinstance(name, str) else None
        try:
            call = dialect.read(route, content, received.query, grants, model.fields if model else ())
        except (UnicodeError, RecursionError):
            raise Refusal(400, "invalid", "the request holds half characters, or is nested too deeply") from None
        model = self._model(call.model, dialect)
        headers, removed = dialect.request_headers(received.headers, grants)
        call = replace(call, removed=(*call.removed, *removed))
        is_retry = received.headers.get("x-stainless-retry-count", "0").strip() not in ("", "0")
        return Prepared(dialect, model, call, written(dialect.body(call, model.served)), headers, received.ended, is_retry)

    def _model(self, name: str, dialect: Dialect) -> Model:
        model = self._access.models.get(name)
        if model is None:
            raise no_model(name, self._access.models)
        if dialect.name not in model.dialects:
            others = ", ".join(model.dialects)
            raise Refusal(400, "invalid", f"model {name!r} is not asked in the dialect `{dialect.name}`, but in: {others}")
        if model.key is not None and model.key not in self._access.keys:
            raise Refusal(400, "unavailable", f"there is no key for model {name!r}")
        return model


def no_model(name: str, models: Collection[str]) -> Refusal:
    """The refusal of a model that the run has not."""
    names = sorted(models)
    listed = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
    return Refusal(404, "unknown-model", f"there is no model {name[:200]!r} in this run; there are: {listed or 'none'}")


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
