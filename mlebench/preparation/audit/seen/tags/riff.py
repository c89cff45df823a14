"""Files of chunks: WAV, AVI and WebP (RIFF), AIFF."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mlebench.preparation.audit.seen.tags.saying import LONGEST, Sayings, number
from mlebench.preparation.audit.seen.tags.tiff import read_exif
from mlebench.preparation.audit.seen.window import AnyWindow, HeldWindow

_MOST_CHUNKS = 10_000
_CONTENT = {
    b"data",
    b"fmt ",
    b"fact",
    b"idx1",
    b"JUNK",
    b"PAD ",
    b"VP8 ",
    b"VP8L",
    b"VP8X",
    b"ALPH",
    b"ANMF",
    b"ANIM",
    b"ICCP",
    b"SSND",
    b"FVER",
}


class Chunk(NamedTuple):
    """A named stretch of a file."""

    kind: bytes
    place: int
    size: int


def chunks(window: AnyWindow, place: int, end: int, order: str) -> Iterator[Chunk]:
    """The chunks between two places."""
    for _ in range(_MOST_CHUNKS):
        head = window.at(place, 8)
        if place + 8 > end or len(head) < 8:
            return
        size = number(head, f"{order}I", 4)
        yield Chunk(head[:4], place + 8, size)
        place += 8 + size + size % 2


def read_riff(window: AnyWindow, said: Sayings) -> None:
    """Chunks but the content, and what follows the end."""
    head = window.at(0, 12)
    form = head[8:12]
    end = 8 + number(head, "<I", 4)
    prefix = {b"WAVE": "wav", b"AVI ": "avi", b"WEBP": "webp"}.get(form, "riff")
    rate = 0
    last = 12
    for chunk in chunks(window, 12, window.size if prefix == "wav" else min(end + 1, window.size), "<"):
        if chunk.place - 8 >= end and not chunk.kind.isalnum() and not chunk.kind.endswith(b" "):
            break
        last = chunk.place + chunk.size
        body = window.at(chunk.place, min(chunk.size, 2**16))
        if chunk.kind == b"fmt ":
            rate = _say_format(body, said)
        elif chunk.kind == b"data" and rate:
            said.say("sound.seconds", round(min(chunk.size, window.size - chunk.place) / rate, 6))
        elif chunk.kind == b"LIST":
            _say_list(window, chunk, prefix, said)
        elif chunk.kind == b"VP8X":
            said.say("image.width", 1 + int.from_bytes(body[4:7], "little"))
            said.say("image.height", 1 + int.from_bytes(body[7:10], "little"))
        elif chunk.kind == b"EXIF":
            read_exif(HeldWindow(body.removeprefix(b"Exif\0\0")), said)
        elif chunk.kind not in _CONTENT:
            said.say_bytes(f"{prefix}.{chunk.kind.decode('latin-1').strip()}", body)
    last = max(last, min(end, window.size))
    said.say_bytes("trailing", window.at(last + last % 2, 4 * LONGEST).strip(b"\0"))


def _say_format(body: bytes, said: Sayings) -> int:
    """Bytes per second."""
    said.say("sound.rate", number(body, "<I", 4))
    said.say("sound.channels", number(body, "<H", 2))
    said.say("sound.bits", number(body, "<H", 14))
    return number(body, "<I", 8)


def _say_list(window: AnyWindow, chunk: Chunk, prefix: str, said: Sayings) -> None:
    kind = window.at(chunk.place, 4)
    if kind == b"movi":
        return
    name = "LIST" if kind == b"INFO" else f"LIST.{kind.decode('latin-1').strip()}"
    for inner in chunks(window, chunk.place + 4, chunk.place + chunk.size, "<"):
        if inner.kind != b"LIST":
            said.say_bytes(
                f"{prefix}.{name}.{inner.kind.decode('latin-1').strip()}", window.at(inner.place, min(inner.size, 4 * LONGEST))
            )


def read_aiff(window: AnyWindow, said: Sayings) -> None:
    """Chunks but the content, and what follows the end."""
    end = min(8 + number(window.at(4, 4), ">I"), window.size)
    for chunk in chunks(window, 12, end, ">"):
        body = window.at(chunk.place, min(chunk.size, 2**16))
        if chunk.kind == b"COMM" and len(body) >= 18:
            rate = _extended(body[8:18])
            said.say("sound.channels", number(body, ">h"))
            said.say("sound.bits", number(body, ">h", 6))
            said.say("sound.rate", rate)
            said.say("sound.seconds", round(number(body, ">I", 2) / rate, 6) if rate else 0)
        elif chunk.kind not in _CONTENT:
            said.say_bytes(f"aiff.{chunk.kind.decode('latin-1').strip()}", body)
    said.say_bytes("trailing", window.at(end + end % 2, 4 * LONGEST).strip(b"\0"))


def _extended(raw: bytes) -> float:
    """A number of 80 bits."""
    exponent = int.from_bytes(raw[:2], "big") & 0x7FFF
    if exponent > 16383 + 63:
        return 0.0
    return float(int.from_bytes(raw[2:10], "big") * 2.0 ** (exponent - 16383 - 63))
