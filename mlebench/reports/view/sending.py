"""Sends content other than pages: bytes, or a file of a run by ranges, block by block and never as active content."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import IO, NamedTuple, TypeVar
from urllib.parse import quote

from aiohttp import web

from grading.printable import printable
from mlebench._support.plain_files import open_plain
from mlebench.reports.view.guard import FILE_POLICY
from mlebench.reports.view.view import Content

Result = TypeVar("Result")

_BLOCK = 2**18
_LONGEST_NAME = 150
_THREADS = 4


class _Part(NamedTuple):
    """The bytes that are asked for."""

    start: int
    end: int
    is_range: bool


class Sender:
    """Sends contents; reading happens in threads, so that a slow disk keeps nobody's page waiting."""

    def __init__(self, stall_seconds: float) -> None:
        """Args:
        stall_seconds: for which a client may take nothing before it is cut off.
        """
        self._stall_seconds = stall_seconds
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="file")

    def close(self) -> None:
        """Nobody asks any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, request: web.BaseRequest, content: Content) -> web.StreamResponse:
        """Answer with a content, or with the range of it that is asked for.

        Raises:
            OSError: its file cannot be opened, see `open_plain`.
            ConnectionError: the client went away or takes nothing, or the file was truncated.
        """
        with await self._in_thread(_opened, content) as file:
            size = file.seek(0, os.SEEK_END)
            part = _asked_part(request, size)
            if part is None:
                return web.Response(status=416, headers={"Content-Range": f"bytes */{size}"})
            response = web.StreamResponse(status=206 if part.is_range else 200, headers=_headers(content))
            response.content_length = part.end - part.start
            if part.is_range:
                response.headers["Content-Range"] = f"bytes {part.start}-{part.end - 1}/{size}"
            await response.prepare(request)
            if request.method != "HEAD":
                await self._pass_on(file, part, response)
            await response.write_eof()
            return response

    async def _pass_on(self, file: IO[bytes], part: _Part, response: web.StreamResponse) -> None:
        file.seek(part.start)
        left = part.end - part.start
        while left:
            block = await self._in_thread(file.read, min(_BLOCK, left))
            if not block:
                raise ConnectionAbortedError("the file was truncated")
            try:
                async with asyncio.timeout(self._stall_seconds):
                    await response.write(block)
            except TimeoutError:
                raise ConnectionAbortedError("the client stopped reading") from None
            left -= len(block)

    async def _in_thread(self, work: Callable[..., Result], *arguments: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)


def _opened(content: Content) -> IO[bytes]:
    return BytesIO(content.body) if content.path is None else open_plain(content.path, content.within)


def _asked_part(request: web.BaseRequest, size: int) -> _Part | None:
    """All of it, or the one range that is asked for; None if nothing is in that."""
    try:
        asked = request.http_range
    except ValueError:
        # several ranges, or none that is one: whoever asks so is given all
        return _Part(0, size, False)
    if asked.start is None and asked.stop is None:
        return _Part(0, size, False)
    start, end, _ = asked.indices(size)
    return _Part(start, end, True) if start < end else None


def _headers(content: Content) -> dict[str, str]:
    name = printable(content.name, _LONGEST_NAME).replace("/", "_")
    return {
        "Content-Type": content.type,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": FILE_POLICY,
        "Accept-Ranges": "bytes",
    }
