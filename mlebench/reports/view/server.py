"""Serves the live pages: `guard` looks at who asks, pages come from `renderings`, files go out by `sending`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from aiohttp import web

from mlebench.errors import MlebenchError
from mlebench.reports.view.addresses import Asked, Table, words_of
from mlebench.reports.view.connections import Bounds, Connection
from mlebench.reports.view.guard import HEADERS, SERVER_NAME, Guard, NotServed
from mlebench.reports.view.prepared import HTML, Prepared, static_files
from mlebench.reports.view.renderings import NOT_FOUND, Renderings, framed
from mlebench.reports.view.routes import ACTS, FILES, PAGES, Act, Maker, Source
from mlebench.reports.view.sending import Sender
from mlebench.reports.view.view import Content, Page, View

Result = TypeVar("Result")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log = logging.getLogger(__name__)
_THREADS = 4
_FORM = "application/x-www-form-urlencoded"


def make_application(view: View, guard: Guard | None = None, bounds: Bounds | None = None) -> web.Application:
    """The server's application.

    Args:
        view: what it shows, and below which path.
        guard: decides who is answered; None, for tests of pages: everybody.
        bounds: of requests.
    """
    server = _Server(view, guard, bounds or Bounds())

    # not by routes, which answer by themselves what they do not know
    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await server.answer(request)

    async def closing(_: web.Application) -> AsyncIterator[None]:
        yield
        server.close()

    async def with_headers(_: web.BaseRequest, response: web.StreamResponse) -> None:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        # one with a version is there already
        response.headers["Server"] = SERVER_NAME

    application = web.Application(middlewares=[answer])
    application.cleanup_ctx.append(closing)
    application.on_response_prepare.append(with_headers)
    return application


class _Server:
    """Answers requests."""

    def __init__(self, view: View, guard: Guard | None, bounds: Bounds) -> None:
        self._view, self._guard, self._bounds = view, guard, bounds
        self._pages: Table[Maker] = Table(view.root, PAGES)
        self._files: Table[Source] = Table(view.root, FILES)
        self._acts: Table[Act] = Table(view.root, ACTS)
        self._renderings = Renderings(view)
        self._sender = Sender(bounds.stall_seconds)
        self._static = Table(view.root, {f"/static/{name}": found for name, found in static_files().items()})
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="act")

    def close(self) -> None:
        """Nobody asks any more."""
        self._renderings.close()
        self._sender.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, whatever it is.

        Raises:
            ConnectionError: the client went away, or takes nothing.
        """
        connection = request.protocol
        with connection.at_work() if isinstance(connection, Connection) else contextlib.nullcontext():
            found = await self._found_in_time(request)
            response = await self._sent(request, found) if isinstance(found, Content) else found
            try:
                async with asyncio.timeout(self._bounds.answer_seconds):
                    await response.prepare(request)
                    await response.write_eof()
            except TimeoutError:
                raise _cut(request) from None
            return response

    async def _found_in_time(self, request: web.BaseRequest) -> web.Response | Content:
        try:
            async with asyncio.timeout(self._bounds.answer_seconds):
                return await self._found(request)
        except TimeoutError:
            return _plain(503, "this takes too long; retry in a minute")
        except ConnectionError:
            raise
        except Exception:
            _log.exception("a request could not be answered")
            return _plain(500, "the server failed; see the output of `mlebench view`")

    async def _sent(self, request: web.BaseRequest, content: Content) -> web.StreamResponse:
        try:
            return await self._sender.send(request, content)
        except ConnectionError:
            raise _cut(request) from None
        except OSError as error:
            if request.writer.output_size > 0:
                raise _cut(request) from None
            is_gone = isinstance(error, FileNotFoundError)
            return _plain(404, "there is no such file" if is_gone else f"this cannot be sent: it is {error.strerror}")

    async def _found(self, request: web.BaseRequest) -> web.Response | Content:
        refused = None if self._guard is None else await self._guard.refusal(request)
        if refused is not None:
            return _refusal(refused)
        asked = Asked.of(request.raw_path)
        if request.method == "POST":
            return await self._act(request, asked)
        if static := self._static.find(asked.path):
            return _cached(request, static[0])
        if source := self._files.find(asked.path):
            make, parts = source
            return await self._in_thread(make, asked.words, parts) or self._page(NOT_FOUND)
        if page := self._pages.find(asked.path):
            return _cached(request, await self._renderings.page(asked.path, page[0], asked.words, page[1]))
        return self._page(NOT_FOUND)

    async def _act(self, request: web.BaseRequest, asked: Asked) -> web.Response:
        found = self._acts.find(asked.path)
        if found is None:
            return _plain(405, "this address accepts GET and HEAD")
        if not self._view.allows_control:
            return _plain(403, "this server is read-only; start one that can act with `mlebench view --allow-control`")
        if request.content_type != _FORM or (form := await self._form(request)) is None:
            return _plain(400, "actions require the form on their page")
        act, parts = found
        try:
            done = await self._in_thread(act, form, parts)
        except MlebenchError as error:
            done = Page("Not done", str(error), status=409, every=None)
        self._renderings.forget()
        if isinstance(done, Page):
            return self._page(done)
        return web.Response(status=303, headers={"Location": done})

    async def _form(self, request: web.BaseRequest) -> dict[str, str] | None:
        """The fields of a form; None if it is too large."""
        content = b""
        while block := await request.content.readany():
            content += block
            if len(content) > self._bounds.form:
                return None
        return words_of(content.decode("ascii", "replace"))

    async def _in_thread(self, work: Callable[..., Result], words: Mapping[str, str], parts: Mapping[str, str]) -> Result:
        """What a source or an act returns, whose view is that of this moment."""
        called = partial(work, self._view, words, **parts)
        return await asyncio.get_running_loop().run_in_executor(self._threads, called)

    def _page(self, page: Page) -> web.Response:
        return web.Response(status=page.status, body=framed(self._view, page).encode(), headers={"Content-Type": HTML})


def _cached(request: web.BaseRequest, found: Prepared) -> web.Response:
    """An answer that the browser keeps and asks about again; nothing but a number where it has the same."""
    is_compressed = "gzip" in request.headers.get("Accept-Encoding", "").lower()
    tag = f"{found.tag}-gzip" if is_compressed else found.tag
    headers = {"ETag": f'"{tag}"', "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
    if found.status == 200 and found.tag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = found.type
    if is_compressed:
        headers["Content-Encoding"] = "gzip"
    return web.Response(status=found.status, body=found.compressed if is_compressed else found.body, headers=headers)


def _refusal(refused: NotServed) -> web.Response:
    response = _plain(refused.status, refused.sentence)
    if refused.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="mlebench view", charset="UTF-8"'
    if refused.status == 429:
        response.headers["Retry-After"] = "60"
    return response


def _plain(status: int, sentence: str) -> web.Response:
    return web.Response(status=status, text=f"{sentence}\n")


def _cut(request: web.BaseRequest) -> ConnectionError:
    """Cut the connection; returns what its handler is told."""
    if request.transport is not None:
        request.transport.abort()
    return ConnectionAbortedError("the client disconnected or stopped reading, or a file was truncated")
