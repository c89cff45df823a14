"""Bodies of requests: read within bounds of size, time and memory, and parsed so that nothing ambiguous is left."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from typing import Any, NoReturn

from aiohttp.web import BaseRequest

from mlebench._support.quantities import show_size
from mlebench.errors import Refusal
from mlebench.gateway.bounds import Bounds
from mlebench.gateway.coding import Decoder, decoder_of
from mlebench.gateway.room import Room

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class BodyReader:
    """Reads the body of one request."""

    def __init__(self, request: BaseRequest, bounds: Bounds, room: Room) -> None:
        """Args:
        request: its head was read.
        bounds: of its size and time.
        room: shared with other requests.

        Raises:
            Refusal: it is too large, or coded as nobody here can read.
        """
        self._request, self._bounds, self._room = request, bounds, room
        decoder = decoder_of(request.headers.get("Content-Encoding", ""))
        if decoder is None:
            raise Refusal(415, "invalid", "the body's Content-Encoding is unknown here; send gzip, deflate or none")
        self._decoder: Decoder = decoder
        self._length = request.content_length
        self._has_room = False
        if self._length is not None and self._length > bounds.body:
            raise self._too_large()

    async def read(self, held: contextlib.AsyncExitStack) -> bytes:
        """The body, decompressed.

        Args:
            held: keeps the room that it takes.

        Raises:
            Refusal: it is too large, too slow, or not as its head says.
        """
        if self._length is not None:
            await self._take(self._length, held)
        if self._request.headers.get("Expect", "").strip().lower() == "100-continue" and self._request.transport is not None:
            self._request.transport.write(_CONTINUE)
        parts: list[bytes] = []
        size = 0
        left = self._bounds.body_seconds + (self._length or self._bounds.body) / 2**20
        now = asyncio.get_running_loop().time
        while True:
            start = now()
            pieces = await self._pieces(left)
            left -= now() - start
            if pieces is None:
                return b"".join(parts)
            for piece in pieces:
                size += len(piece)
                if size > self._bounds.body:
                    raise self._too_large()
                await self._take(size, held)
                parts.append(piece)

    async def _pieces(self, seconds: float) -> Iterator[bytes] | None:
        """What came next; None at the end."""
        try:
            async with asyncio.timeout(seconds):
                block = await self._request.content.readany()
            if not block:
                self._decoder.finish()
                return None
            return _checked(self._decoder.feed(block))
        except TimeoutError:
            raise Refusal(408, "invalid", "the body came too slowly") from None
        except ValueError as error:
            raise Refusal(400, "invalid", str(error)) from None

    async def _take(self, size: int, held: contextlib.AsyncExitStack) -> None:
        if size > self._bounds.small_body and not self._has_room:
            # one that outgrows what it said may become as large as any
            is_known = self._length is not None and type(self._decoder) is Decoder
            self._has_room = True
            await held.enter_async_context(self._room.take(size if is_known else self._bounds.body))

    def _too_large(self) -> Refusal:
        return Refusal(413, "too-large", f"the request has more than {show_size(self._bounds.body)}")


def _checked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from pieces
    except ValueError as error:
        raise Refusal(400, "invalid", str(error)) from None


def count_elements(body: bytes) -> int:
    """At least as many values as the JSON text holds; found without parsing it."""
    return 1 + body.count(b",") + body.count(b"[") + body.count(b"{")


def parse(body: bytes, most_elements: int) -> Any:
    """The value of a JSON text; of keys that stand twice the last.

    Raises:
        Refusal: it is none, has too many parts, or holds what JSON does not have (NaN, half characters).
    """
    if count_elements(body) > most_elements:
        raise Refusal(413, "too-large", f"the request has more than {most_elements} values")
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Refusal(400, "invalid", "the body is not JSON text in UTF-8") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def written(content: Any) -> bytes:
    """The JSON text of a value.

    Raises:
        Refusal: it has none.
    """
    try:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        raise Refusal(400, "invalid", "the request holds a number or a character that JSON does not have") from None
