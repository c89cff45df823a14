"""MP3, FLAC, Ogg and MP4: tags and durations."""

from __future__ import annotations

from mlebench.preparation.audit.seen.tags.saying import LONGEST, Sayings, number, text_of
from mlebench.preparation.audit.seen.window import AnyWindow

_MOST_BOXES = 10_000
_ENCODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
_PICTURES = ("APIC", "PIC")


def read_mp3(window: AnyWindow, said: Sayings) -> None:
    """ID3 tags at both ends, and those of APE."""
    start = _say_id3(window, said) if window.at(0, 3) == b"ID3" else 0
    _say_rate(window.at(start, 4096), said)
    tail = window.at(max(0, window.size - 128), 128)
    if tail[:3] == b"TAG" and len(tail) == 128:
        for name, first, end in (("title", 3, 33), ("artist", 33, 63), ("album", 63, 93), ("year", 93, 97), ("comment", 97, 127)):
            said.say_bytes(f"mp3.ID3v1.{name}", tail[first:end].strip(b"\0 "))
        said.say("mp3.ID3v1.genre", tail[127])
    tail = window.at(max(0, window.size - 2**16), 2**16)
    if (found := tail.rfind(b"APETAGEX")) >= 0:
        said.say_bytes("mp3.APE", tail[found + 32 :])


def _say_id3(window: AnyWindow, said: Sayings) -> int:
    """Tags at the beginning; where they end."""
    head = window.at(0, 10)
    version = head[3] if len(head) == 10 else 0
    size = _seven_bits(head[6:10])
    body = window.at(10, min(size, 2**22))
    place = 0
    short = version == 2
    while place + (6 if short else 10) <= len(body) and body[place]:
        kind = body[place : place + (3 if short else 4)].decode("latin-1")
        if short:
            length, start = int.from_bytes(body[place + 3 : place + 6], "big"), place + 6
        else:
            raw = body[place + 4 : place + 8]
            length, start = (_seven_bits(raw) if version == 4 else int.from_bytes(raw, "big")), place + 10
        if kind not in _PICTURES:
            said.say(f"mp3.{kind}", _id3_text(kind, body[start : start + min(length, 4 * LONGEST)]))
        place = start + length
    return 10 + size


def _id3_text(kind: str, body: bytes) -> str:
    if kind.startswith(("T", "COM", "USL", "ULT")) and body[:1] in (b"\0", b"\1", b"\2", b"\3"):
        text = body[1:] if kind.startswith("T") else body[4:]
        return text.decode(_ENCODINGS[body[0]], "replace").replace("\0", " ")
    return text_of(body)


def _seven_bits(raw: bytes) -> int:
    value = 0
    for byte in raw:
        value = value << 7 | byte & 0x7F
    return value


def _say_rate(content: bytes, said: Sayings) -> None:
    place = content.find(b"\xff")
    while 0 <= place < len(content) - 4:
        if content[place + 1] & 0xE0 == 0xE0 and content[place + 2] & 0x0C != 0x0C:
            rate = (44100, 48000, 32000)[content[place + 2] >> 2 & 3]
            said.say("sound.rate", rate >> {3: 0, 2: 1, 0: 2}.get(content[place + 1] >> 3 & 3, 0))
            return
        place = content.find(b"\xff", place + 1)


def read_flac(window: AnyWindow, said: Sayings) -> None:
    """Rate, duration and comments."""
    place = 4
    for _ in range(128):
        head = window.at(place, 4)
        if len(head) < 4:
            return
        kind, length = head[0] & 0x7F, int.from_bytes(head[1:4], "big")
        body = window.at(place + 4, min(length, 2**20))
        if kind == 0 and len(body) >= 18:
            packed = int.from_bytes(body[10:18], "big")
            rate, samples = packed >> 44, packed & (1 << 36) - 1
            said.say("sound.rate", rate)
            said.say("sound.channels", (packed >> 41 & 7) + 1)
            said.say("sound.seconds", round(samples / rate, 6) if rate else 0)
        elif kind == 4:
            _say_comments(body, "flac", said)
        elif kind == 2:
            said.say_bytes("flac.application", body)
        place += 4 + length
        if head[0] & 0x80:
            return


def _say_comments(body: bytes, prefix: str, said: Sayings) -> None:
    """Comments of Vorbis: the encoder, then `KEY=VALUE`."""
    place = 4 + number(body, "<I")
    said.say_bytes(f"{prefix}.encoder", body[4:place])
    count = number(body, "<I", place)
    place += 4
    for _ in range(min(count, 1_000)):
        length = number(body, "<I", place)
        key, _, value = body[place + 4 : place + 4 + length].partition(b"=")
        if key.upper() != b"METADATA_BLOCK_PICTURE":
            said.say_bytes(f"{prefix}.{key[:80].decode('latin-1')}", value)
        place += 4 + length


def read_ogg(window: AnyWindow, said: Sayings) -> None:
    """Rate, duration and comments of Vorbis and Opus."""
    head = window.at(0, 2**16)
    rate = 0
    if (found := head.find(b"\x01vorbis")) >= 0:
        rate = number(head, "<I", found + 12)
        said.say("sound.channels", number(head, "B", found + 11))
    elif b"OpusHead" in head:
        rate = 48_000
    said.say("sound.rate", rate)
    for mark in (b"\x03vorbis", b"OpusTags"):
        if (found := head.find(mark)) >= 0:
            _say_comments(head[found + len(mark) :], "ogg", said)
    tail = window.at(max(0, window.size - 2**16), 2**16)
    if rate and (found := tail.rfind(b"OggS")) >= 0:
        said.say("sound.seconds", round(number(tail, "<q", found + 6) / rate, 6))


_HOLDERS = {b"moov", b"udta", b"meta", b"ilst", b"trak", b"mdia", b"----"}
_CONTENT = {b"mdat", b"ftyp", b"stbl", b"minf", b"tkhd", b"mdhd", b"hdlr", b"edts", b"iods"}


def read_mp4(window: AnyWindow, said: Sayings) -> None:
    """Duration, texts of the boxes for users, and boxes that no player reads."""
    _say_boxes(window, 0, window.size, "mp4", said, 0)


def _say_boxes(window: AnyWindow, place: int, end: int, prefix: str, said: Sayings, depth: int) -> None:
    for _ in range(_MOST_BOXES):
        head = window.at(place, 16)
        if place + 8 > end or len(head) < 8:
            break
        size, kind = number(head, ">I"), head[4:8]
        start = 8
        if size == 1:
            size, start = number(head, ">Q", 8), 16
        size = end - place if size == 0 else size
        if size < start or place + size > end:
            if depth == 0:
                said.say_bytes("trailing", window.at(place, 4 * LONGEST).strip(b"\0"))
            return
        name = f"{prefix}.{kind.decode('latin-1').strip()}"
        if kind in _HOLDERS or prefix.endswith(".ilst"):
            _say_boxes(
                window, place + start + (4 if kind == b"meta" else 0), place + size, name, said, depth + 1
            ) if depth < 8 else None
        elif kind == b"mvhd":
            _say_movie(window.at(place + start, 32), said)
        elif kind not in _CONTENT:
            body = window.at(place + start, min(size - start, 4 * LONGEST))
            said.say_bytes(name, (body[8:] if kind == b"data" else body).strip(b"\0"))
        place += size


def _say_movie(body: bytes, said: Sayings) -> None:
    wide = body[:1] == b"\x01"
    made = number(body, ">Q" if wide else ">I", 4)
    scale = number(body, ">I", 20 if wide else 12)
    length = number(body, ">Q" if wide else ">I", 24 if wide else 16)
    said.say("mp4.created", made or "")
    said.say("sound.seconds", round(length / scale, 6) if scale else "")
