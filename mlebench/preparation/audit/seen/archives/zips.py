"""Zips: reads the directory without the per-member cost of `zipfile`, with random access to members."""

from __future__ import annotations

import calendar
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Set
from typing import IO, TYPE_CHECKING, NamedTuple

from mlebench.preparation.audit.seen.archives.member import HEAD, Member, Opener, damage_told, told
from mlebench.preparation.audit.seen.bounds import LONGEST_NAME
from mlebench.preparation.audit.seen.window import PIECE, AnyWindow, as_file, buffered

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_LONGEST_COMMENT = 65_535
_ENCRYPTED = 0x1 | 0x40
_UTF8_NAME = 0x800
_MADE_BY_UNIX = 3
_BIG, _TIMES, _UNICODE_NAME = 0x0001, 0x5455, 0x7075
_USUAL_EXTRAS = {_BIG, _TIMES, _UNICODE_NAME, 0x000A, 0x5855, 0x7855, 0x7875, 0xCAFE, 0xD935}
"""Extra fields of sizes, times and owners, which say nothing of the content."""


class Ends(NamedTuple):
    """What a zip has next to its members."""

    directory: int
    """Where its directory begins."""
    directory_size: int
    shift: int
    """Bytes before the place that it takes for its beginning."""
    comment: bytes
    trailing: bytes
    """What follows the end, at most some thousand bytes."""


def read_ends(window: AnyWindow) -> Ends:
    """Find the directory of a zip.

    Raises:
        OSError: there is none.
    """
    tail_start = max(0, window.size - _END.size - _LONGEST_COMMENT)
    tail = window.at(tail_start, window.size - tail_start)
    found = tail.rfind(b"PK\5\6")
    if found < 0 or len(tail) - found < _END.size:
        raise OSError("it is a zip without a directory at its end, or cut off")
    _, _, _, _, _, size, offset, commented = _END.unpack_from(tail, found)
    end = tail_start + found
    comment = tail[found + _END.size : found + _END.size + commented]
    locator = window.at(end - 20, 20) if end >= 20 else b""
    if locator[:4] == b"PK\6\7":
        big = window.at(int.from_bytes(locator[8:16], "little"), _END64.size)
        if big[:4] == b"PK\6\6" and len(big) == _END64.size:
            *_, size, offset = _END64.unpack(big)
            end = int.from_bytes(locator[8:16], "little")
    start = end - size
    if start < 0:
        raise OSError("the directory of the zip would begin before the file")
    return Ends(start, size, max(0, start - offset), comment, tail[found + _END.size + commented :])


class Zip:
    """A zip in place."""

    in_passes = False

    def __init__(self, window: AnyWindow) -> None:
        """Find the directory.

        Raises:
            OSError: there is none.
        """
        self._window = window
        self._ends = read_ends(window)
        self._library: zipfile.ZipFile | None = None

    def entries(self) -> Iterator[tuple[Member, Opener]]:
        """See `Archive`."""
        for position, member in enumerate(self._directory()):
            yield member, self._opener(position, member)

    def _opener(self, position: int, member: Member) -> Opener:
        return Opener(lambda: self._head(position, member), lambda: self.open(position, member.at, member.size))

    def _directory(self) -> Iterator[Member]:
        start, left = self._ends.directory, self._ends.directory_size
        held = b""
        while left > 0:
            piece = self._window.at(start, min(2**20, left))
            if not piece:
                raise OSError("the directory of the zip is cut off")
            start, left = start + len(piece), left - len(piece)
            held += piece
            place = 0
            while (after := _end_of_entry(held, place)) is not None:
                yield _read_entry(held, place, self._ends.shift)
                place = after
            held = held[place:]
        if held:
            raise OSError("the directory of the zip ends within an entry")

    def wanted(self, positions: Set[int]) -> Iterator[tuple[int, IO[bytes]]]:
        """See `Archive`."""
        for position, member in enumerate(self._directory()):
            if position in positions:
                yield position, self.open(position, member.at, member.size)

    def open(self, position: int, at: int, size: int) -> IO[bytes]:
        """See `Archive`."""
        method, start = self._local(at)
        if method == zipfile.ZIP_STORED:
            return as_file(self._window.part(start, size))
        if method == zipfile.ZIP_DEFLATED:
            return buffered(_Inflated(self._window.part(start, self._window.size), size), size)
        with damage_told():
            if self._library is None:
                self._library = zipfile.ZipFile(as_file(self._window))
            entry = self._library.infolist()[position]
            return told(self._library.open(entry), entry.compress_size)

    def window(self, at: int, size: int) -> AnyWindow | None:
        """See `Archive`."""
        method, start = self._local(at)
        return self._window.part(start, size) if method == zipfile.ZIP_STORED else None

    def _local(self, at: int) -> tuple[int, int]:
        """Method of a member and where its content begins."""
        head = self._window.at(at, _LOCAL.size)
        if len(head) < _LOCAL.size or head[:4] != b"PK\3\4":
            raise OSError("no member begins where the directory of the zip says so")
        _, _, flags, method, *_, named, extra = _LOCAL.unpack(head)
        if flags & _ENCRYPTED:
            raise OSError("it is encrypted")
        return method, at + _LOCAL.size + named + extra

    def _head(self, position: int, member: Member) -> bytes:
        # most contents are within what is read with the header
        block = self._window.at(member.at, _LOCAL.size + 256 + HEAD)
        if len(block) >= _LOCAL.size and block[:4] == b"PK\3\4":
            _, _, flags, method, *_, named, extra = _LOCAL.unpack_from(block)
            start = _LOCAL.size + named + extra
            if not flags & _ENCRYPTED and method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) and start + HEAD <= len(block):
                if method == zipfile.ZIP_STORED:
                    return block[start : start + min(HEAD, member.size)]
                try:
                    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(block[start:], HEAD)
                except zlib.error:
                    raise OSError("it is damaged") from None
        return self.open(position, member.at, member.size).read(HEAD)


def _end_of_entry(held: bytes, place: int) -> int | None:
    """Where the next entry begins; None if this one is not held as a whole."""
    if len(held) - place < _ENTRY.size:
        return None
    if held[place : place + 4] != b"PK\1\2":
        raise OSError("the directory of the zip contains something other than members")
    named, extra, commented = struct.unpack_from("<3H", held, place + 28)
    after = place + _ENTRY.size + named + extra + commented
    return int(after) if after <= len(held) else None


def _read_entry(held: bytes, place: int, shift: int) -> Member:
    fields = _ENTRY.unpack_from(held, place)
    made_by, flags, time, date, packed, size = fields[1] >> 8, fields[3], fields[5], fields[6], fields[8], fields[9]
    named, extra_size, commented, attributes, offset = fields[10], fields[11], fields[12], fields[15], fields[16]
    start = place + _ENTRY.size
    name = _decoded(held[start : start + named], flags)
    comment = held[start + named + extra_size : start + named + extra_size + commented]
    modified = _dos_time(date, time)
    said = ""
    if extra_size:
        extra = _Extra(held[start + named : start + named + extra_size])
        size, packed, offset = extra.big(size, packed, offset)
        modified = extra.modified or modified
        name = extra.name or name
        said = extra.unusual
    mode = attributes >> 16 if made_by == _MADE_BY_UNIX else 0
    if comment or said:
        said = "\n".join(filter(None, (_decoded(comment, flags), said)))[:LONGEST_NAME]
    is_file = not name.endswith(("/", "\\")) and (stat.S_IFMT(mode) in (0, stat.S_IFREG))
    return Member(name, size, modified, stat.S_IMODE(mode), said, _link_of(mode), offset + shift, packed, is_file)


def _link_of(mode: int) -> str | None:
    # where it leads is the member's content
    return "" if stat.S_ISLNK(mode) else None


def _decoded(raw: bytes, flags: int) -> str:
    try:
        # many programs write UTF-8 without saying so
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace") if flags & _UTF8_NAME else raw.decode("cp437")


def _dos_time(date: int, time: int) -> float | None:
    if not date:
        return None
    day = (1980 + (date >> 9), date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, (time & 31) * 2)
    try:
        return float(calendar.timegm(day))
    except (ValueError, OverflowError):
        return None


class _Extra:
    """The extra fields of an entry."""

    def __init__(self, raw: bytes) -> None:
        self._fields: dict[int, bytes] = {}
        place = 0
        while place + 4 <= len(raw):
            kind, size = struct.unpack_from("<2H", raw, place)
            self._fields[kind] = raw[place + 4 : place + 4 + size]
            place += 4 + size
        self._rest = raw[place:]

    def big(self, size: int, packed: int, offset: int) -> tuple[int, int, int]:
        """Sizes and offset, with those that do not fit into 32 bits."""
        raw = self._fields.get(_BIG, b"")
        found, place = [], 0
        for value in (size, packed, offset):
            if value == 0xFFFFFFFF and place + 8 <= len(raw):
                value = int.from_bytes(raw[place : place + 8], "little")
                place += 8
            found.append(value)
        return found[0], found[1], found[2]

    @property
    def modified(self) -> float | None:
        """The time in seconds since 1970."""
        raw = self._fields.get(_TIMES, b"")
        return float(int.from_bytes(raw[1:5], "little", signed=True)) if len(raw) >= 5 and raw[0] & 1 else None

    @property
    def name(self) -> str | None:
        """The name in Unicode."""
        return self._fields[_UNICODE_NAME][5:].decode("utf-8", "replace") if _UNICODE_NAME in self._fields else None

    @property
    def unusual(self) -> str:
        """Fields that are neither sizes nor times nor owners, as text."""
        odd = [content for kind, content in self._fields.items() if kind not in _USUAL_EXTRAS]
        return "\n".join(content.decode("utf-8", "replace") for content in [*odd, self._rest] if content.strip(b"\0"))


class _Inflated(io.RawIOBase):
    """A deflated content; no more than its stated size comes out of it."""

    def __init__(self, packed: AnyWindow, size: int) -> None:
        self._packed = packed
        self._left = size
        self._place = 0
        self._unpacker = zlib.decompressobj(-zlib.MAX_WBITS)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        while self._left and len(target):
            packed = self._unpacker.unconsumed_tail or self._next()
            try:
                found = self._unpacker.decompress(packed, min(len(target), self._left))
            except zlib.error as error:
                raise OSError(f"it is damaged ({error})") from None
            if found:
                target[: len(found)] = found
                self._left -= len(found)
                return len(found)
            if self._unpacker.eof or not packed:
                raise OSError("it ends before its stated size")
        return 0

    def _next(self) -> bytes:
        found = self._packed.at(self._place, PIECE)
        self._place += len(found)
        return found
