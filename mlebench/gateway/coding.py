"""Compressed bodies, decompressed piece by piece, so that no few bytes become many in memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

_PIECE = 2**18


class Decoder:
    """Bytes that are not compressed."""

    def feed(self, block: bytes) -> Iterator[bytes]:
        """What a block is, in pieces of bounded size.

        Raises:
            ValueError: the bytes are not what they were said to be.
        """
        if block:
            yield block

    def finish(self) -> None:
        """The bytes have ended.

        Raises:
            ValueError: something is missing.
        """


class _Inflater(Decoder):
    def __init__(self, wbits: int | None) -> None:
        """Args:
        wbits: of zlib; None for `deflate`, which is written with a head of zlib's, and by some without.
        """
        self._machine = None if wbits is None else zlib.decompressobj(wbits)

    def feed(self, block: bytes) -> Iterator[bytes]:
        if not block:
            return
        if self._machine is None:
            self._machine = zlib.decompressobj(zlib.MAX_WBITS if block[0] & 0x0F == 8 else -zlib.MAX_WBITS)
        while not self._machine.eof:
            try:
                piece = self._machine.decompress(block, _PIECE)
            except zlib.error:
                raise ValueError("the body is not compressed as its Content-Encoding says") from None
            if piece:
                yield piece
            block = self._machine.unconsumed_tail
            if not block and len(piece) < _PIECE:
                return

    def finish(self) -> None:
        if self._machine is not None and not self._machine.eof:
            raise ValueError("the compressed body ends too early")


def decoder_of(coding: str) -> Decoder | None:
    """What reads a body with this `Content-Encoding`; None for one that nothing here can read."""
    name = coding.strip().lower()
    if name in ("", "identity"):
        return Decoder()
    if name in ("gzip", "x-gzip"):
        return _Inflater(16 + zlib.MAX_WBITS)
    return _Inflater(None) if name == "deflate" else None
