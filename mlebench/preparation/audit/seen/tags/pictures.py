"""JPEG, PNG, GIF, BMP and WebP: sizes, comments, embedded tags and what follows the end; pixels are never decoded."""

from __future__ import annotations

import re
import zlib

from mlebench.preparation.audit.seen.tags.saying import LONGEST, Sayings, number
from mlebench.preparation.audit.seen.tags.tiff import read_exif
from mlebench.preparation.audit.seen.window import AnyWindow, HeldWindow

_MOST_CHUNKS = 100_000
_TAIL = 2**16
_WHOLE = 2**18
"""Bytes of a picture up to which its end is sought from its beginning on."""
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_EXIF, _XMP, _ICC, _IPTC, _JFIF = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0", b"Photoshop 3.0\0", b"JFIF\0"
_LONE = {0x01, *range(0xD0, 0xD8)}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def read_jpeg(window: AnyWindow, said: Sayings) -> None:
    """Segments before the pixels, and what follows the last."""
    held = window.at(0, _TAIL)
    place = 2
    for _ in range(_MOST_CHUNKS):
        if place + 4 > len(held):
            held = window.at(0, 2 * len(held)) if len(held) < min(window.size, 2**24) else held
            if place + 4 > len(held):
                return
        if held[place] != 0xFF:
            return
        kind = held[place + 1]
        if kind == 0xFF or kind in _LONE:
            place += 1 if kind == 0xFF else 2
            continue
        if kind == 0xD9:
            break
        length = int.from_bytes(held[place + 2 : place + 4], "big")
        if place + 2 + length > len(held) and len(held) < window.size:
            held = window.at(0, place + 2 + length + _TAIL)
        _say_segment(kind, held[place + 4 : place + 2 + length], said)
        place += 2 + length
        if kind == 0xDA:
            break
    _say_trailing_jpeg(window, place, said)


def _say_segment(kind: int, body: bytes, said: Sayings) -> None:
    if kind in _FRAMES and len(body) >= 6:
        said.say("image.height", number(body, ">H", 1))
        said.say("image.width", number(body, ">H", 3))
        said.say("image.mode", f"{body[5]}x{body[0]}")
        said.say("jpeg.frame", kind - 0xC0)
        said.say("jpeg.sampling", body[6:].hex()[:40])
    elif kind == 0xDB:
        # how strongly it is packed
        said.say("jpeg.tables", f"{zlib.crc32(body):08x}")
    elif kind == 0xFE:
        said.say_bytes("jpeg.comment", body)
    elif body.startswith(_EXIF):
        read_exif(HeldWindow(body[6:]), said)
    elif body.startswith(_XMP):
        said.say_bytes("xmp", body[len(_XMP) :])
    elif body.startswith(_IPTC):
        _say_iptc(body, said)
    elif body.startswith(_JFIF) and len(body) >= 12:
        said.say("jpeg.density", f"{number(body, '>H', 8)} {number(body, '>H', 10)} {body[7]}")
    elif 0xE0 <= kind <= 0xEF and not body.startswith((_ICC, b"Adobe")):
        said.say_bytes(f"jpeg.APP{kind - 0xE0}", body)


def _say_iptc(body: bytes, said: Sayings) -> None:
    """Records `0x1c 2 KIND LENGTH` of IPTC."""
    for found in re.finditer(rb"\x1c\x02(.)(..)", body[: 2**16], re.DOTALL):
        length = int.from_bytes(found[2], "big")
        said.say_bytes(f"iptc.{found[1][0]}", body[found.end() : found.end() + min(length, LONGEST)])


def _say_trailing_jpeg(window: AnyWindow, scan: int, said: Sayings) -> None:
    if window.size > _WHOLE:
        start = max(scan, window.size - _TAIL)
        tail = window.at(start, _TAIL)
        if tail.endswith(b"\xff\xd9"):
            return
        if (end := tail.rfind(b"\xff\xd9")) >= 0:
            said.say_bytes("trailing", tail[end + 2 :].strip(b"\0"))
            return
    content = window.at(0, min(window.size, 2**26))
    if (behind := _end_of_jpeg(content, scan)) is not None:
        said.say_bytes("trailing", content[behind : behind + 4 * LONGEST].strip(b"\0"))


def _end_of_jpeg(content: bytes, place: int) -> int | None:
    """Behind the last marker, of which there may be many in a picture that comes in several passes."""
    if content[place - 2 : place] == b"\xff\xd9" or content[place : place + 2] == b"\xff\xd9":
        return place + 2 if content[place : place + 2] == b"\xff\xd9" else place
    while (found := _MARKER.search(content, place)) is not None:
        if found[0][1] == 0xD9:
            return found.end()
        place = found.end() + (number(content, ">H", found.end()) if found[0][1] not in _LONE else 0)
    return None


def read_png(window: AnyWindow, said: Sayings) -> None:
    """Chunks but pixels, and what follows the end."""
    head = window.at(8, 25)
    if head[4:8] == b"IHDR" and len(head) >= 21:
        said.say("image.width", number(head, ">I", 8))
        said.say("image.height", number(head, ">I", 12))
        said.say("image.mode", f"{head[17]}x{head[16]}")
        said.say("png.form", head[18:21].hex())
    place = 8
    held_from, held = 0, window.at(0, _TAIL)
    for _ in range(_MOST_CHUNKS):
        if not held_from <= place <= held_from + len(held) - 8:
            held_from, held = place, window.at(place, 4096)
        at = place - held_from
        kind, length = held[at + 4 : at + 8], number(held, ">I", at)
        if len(kind) < 4:
            return
        if kind not in (b"IDAT", b"IHDR", b"PLTE"):
            _say_chunk(kind, window.at(place + 8, min(length, 2**20)), said)
        place += 12 + length
        if kind == b"IEND":
            break
        if place >= window.size:
            return
    said.say_bytes("trailing", window.at(place, 4 * LONGEST).strip(b"\0"))


_PLAIN_CHUNKS = {
    b"IEND",
    b"gAMA",
    b"cHRM",
    b"sRGB",
    b"iCCP",
    b"sBIT",
    b"bKGD",
    b"hIST",
    b"tRNS",
    b"sPLT",
    b"acTL",
    b"fcTL",
    b"fdAT",
}


def _say_chunk(kind: bytes, body: bytes, said: Sayings) -> None:
    if kind in (b"tEXt", b"zTXt"):
        key, _, text = body.partition(b"\0")
        said.say_bytes(f"png.text.{_key(key)}", text if kind == b"tEXt" else _inflated(text[1:]))
    elif kind == b"iTXt":
        key, _, rest = body.partition(b"\0")
        packed, rest = rest[:1] == b"\x01", rest[2:]
        text = rest.split(b"\0", 2)[-1]
        said.say_bytes(f"png.text.{_key(key)}", _inflated(text) if packed else text)
    elif kind == b"eXIf":
        read_exif(HeldWindow(body), said)
    elif kind == b"tIME" and len(body) == 7:
        year, rest = number(body, ">H"), body[2:]
        said.say("png.time", f"{year}-{rest[0]:02}-{rest[1]:02} {rest[2]:02}:{rest[3]:02}:{rest[4]:02}")
    elif kind == b"pHYs" and len(body) == 9:
        said.say("png.density", f"{number(body, '>I')} {number(body, '>I', 4)} {body[8]}")
    elif kind not in _PLAIN_CHUNKS:
        said.say_bytes(f"png.{_key(kind)}", body)


def _key(raw: bytes) -> str:
    return raw[:80].decode("latin-1")


def _inflated(content: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(content, 4 * LONGEST)
    except zlib.error:
        return b""


def read_gif(window: AnyWindow, said: Sayings) -> None:
    """Comments, plain texts and applications' blocks, and what follows the end."""
    content = window.at(0, min(window.size, 2**24))
    said.say("image.width", number(content, "<H", 6))
    said.say("image.height", number(content, "<H", 8))
    flags = number(content, "B", 10)
    place = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    while place < len(content):
        kind = content[place]
        if kind == 0x3B:
            said.say_bytes("trailing", content[place + 1 :][: 4 * LONGEST].strip(b"\0"))
            return
        if kind == 0x21:
            label = number(content, "B", place + 1)
            body, place = _gif_blocks(content, place + 2)
            if label in (0xFE, 0x01, 0xFF) and not body.startswith((b"NETSCAPE", b"ICCRGBG1")):
                said.say_bytes({0xFE: "gif.comment", 0x01: "gif.text", 0xFF: "gif.application"}[label], body)
        elif kind == 0x2C:
            flags = number(content, "B", place + 9)
            _, place = _gif_blocks(content, place + 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0))
        else:
            return


def _gif_blocks(content: bytes, place: int) -> tuple[bytes, int]:
    body = bytearray()
    while place < len(content) and (length := content[place]):
        if len(body) < 4 * LONGEST:
            body += content[place + 1 : place + 1 + length]
        place += 1 + length
    return bytes(body), place + 1


def read_bmp(window: AnyWindow, said: Sayings) -> None:
    """Size, and what lies between the header and the pixels or follows them."""
    head = window.at(0, 64)
    width, height, depth = number(head, "<i", 18), abs(number(head, "<i", 22)), number(head, "<H", 28)
    said.say("image.width", width)
    said.say("image.height", height)
    said.say("image.mode", f"1x{depth}" if depth <= 8 else f"{depth // 8}x8")
    said.say("bmp.density", f"{number(head, '<i', 38)} {number(head, '<i', 42)}")
    if number(head, "<I", 6):
        said.say_bytes("bmp.reserved", head[6:10])
    pixels, packing = number(head, "<I", 10), number(head, "<I", 30)
    end = pixels + (width * depth + 31) // 32 * 4 * height if packing in (0, 3) else number(head, "<I", 2)
    table = (number(head, "<I", 46) or (1 << depth if depth <= 8 else 0)) * 4
    header_end = 14 + number(head, "<I", 14) + table + (12 if packing == 3 and number(head, "<I", 14) == 40 else 0)
    if header_end < pixels:
        said.say_bytes("bmp.gap", window.at(header_end, min(pixels - header_end, 4 * LONGEST)).strip(b"\0"))
    if 0 < end < window.size:
        said.say_bytes("trailing", window.at(end, 4 * LONGEST).strip(b"\0"))
