"""Tars, compressed or not, read in one pass; uncompressed ones also by random access to members."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator, Set
from typing import IO, TYPE_CHECKING, cast

from mlebench.preparation.audit.seen.archives.member import HEAD, Member, Opener, damage_told
from mlebench.preparation.audit.seen.bounds import LONGEST_NAME
from mlebench.preparation.audit.seen.window import AnyWindow, as_file, skip

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BLOCK = 512
_HEADER = struct.Struct("<100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
_LONGEST_HEADER = 2**20
_FILES = b"0\x007S"
_LINKS = b"12"
_GNU_NAME, _GNU_LINK, _PAX, _PAX_ALL = b"L", b"K", b"xX", b"g"
_USUAL_RECORDS = {"path", "linkpath", "size", "mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "hdrcharset", "charset"}


def begins_a_tar(block: bytes) -> bool:
    """Whether a first block of 512 bytes is the header of a tar's member."""
    return len(block) >= _BLOCK and _is_header(block[:_BLOCK])


class Tar:
    """A tar behind a stream, or in place."""

    def __init__(self, window: AnyWindow, unpacked: Callable[[IO[bytes]], IO[bytes]] | None = None) -> None:
        """Look at nothing yet.

        Args:
            window: the archive's bytes.
            unpacked: makes the stream of the tar out of that of the archive; None if the archive is not packed.
        """
        self._window = window
        self._unpacked = unpacked
        self.in_passes = unpacked is not None

    def entries(self) -> Iterator[tuple[Member, Opener]]:
        """See `Archive`."""
        for member, stream in self._contents():
            yield member, Opener(lambda stream=stream: stream.peek(HEAD)[:HEAD], lambda stream=stream: stream)  # type: ignore[misc]

    def wanted(self, positions: Set[int]) -> Iterator[tuple[int, IO[bytes]]]:
        """See `Archive`."""
        left = len(positions)
        for position, (_, stream) in enumerate(self._contents()):
            if position in positions:
                yield position, cast(IO[bytes], stream)
                left -= 1
                if not left:
                    return

    def open(self, position: int, at: int, size: int) -> IO[bytes]:
        """See `Archive`."""
        if not self.in_passes:
            return as_file(self._window.part(at, size))
        for _, stream in self.wanted({position}):
            return stream
        raise OSError("the tar ends before this member")

    def window(self, at: int, size: int) -> AnyWindow | None:
        """See `Archive`."""
        return None if self.in_passes else self._window.part(at, size)

    def _contents(self) -> Iterator[tuple[Member, io.BufferedReader]]:
        with damage_told():
            file = as_file(self._window)
            unpacked = self._unpacked(file) if self._unpacked else file
        place = 0
        said: dict[str, str] = {}
        for_all: dict[str, str] = {}
        while True:
            with damage_told():
                block = unpacked.read(_BLOCK)
            place += len(block)
            if not block.strip(b"\0"):
                return
            if len(block) < _BLOCK:
                raise OSError("the tar is cut off")
            if not _is_header(block):
                raise OSError("a member of the tar has no header where it should begin")
            fields = _HEADER.unpack(block)
            kind, size = fields[7], _number(fields[4])
            if kind in _GNU_NAME + _GNU_LINK + _PAX + _PAX_ALL:
                with damage_told():
                    raw = _long(unpacked, size)
                place += size + -size % _BLOCK
                if kind == _PAX_ALL:
                    for_all |= _records(raw)
                else:
                    said |= _records(raw) if kind in _PAX else {_KEY_OF[kind]: raw.rstrip(b"\0").decode("utf-8", "replace")}
                continue
            member = _read_header(fields, for_all | said)
            said = {}
            with damage_told():
                place += _skip_sparse(unpacked, block) if kind == b"S" else 0
            member.at = place
            size = member.size if kind not in _LINKS + b"3456" else 0
            content = _Content(unpacked, size)
            yield member, io.BufferedReader(content, 8192)
            place += size
            if not self.in_passes and place > self._window.size:
                raise OSError("the tar is cut off")
            padding = -size % _BLOCK
            with damage_told():
                _go_on(unpacked, content.left + padding, None if self.in_passes else place + padding)
            place += padding


_KEY_OF = {_GNU_NAME: "path", _GNU_LINK: "linkpath"}


def _is_header(block: bytes) -> bool:
    try:
        stated = _number(block[148:156])
    except OSError:
        return False
    return stated == sum(block[:148]) + 8 * 32 + sum(block[156:])


def _number(raw: bytes) -> int:
    if raw[:1] in (b"\x80", b"\xff"):
        return int.from_bytes(raw[1:], "big") - (256 ** (len(raw) - 1) if raw[0] == 0xFF else 0)
    try:
        return int(raw.split(b"\0", 1)[0].strip() or b"0", 8)
    except ValueError:
        raise OSError("the tar contains an invalid number") from None


def _read_header(fields: tuple[bytes, ...], said: dict[str, str]) -> Member:
    name, prefix, magic = (_text(fields[number]) for number in (0, 14, 9))
    kind = fields[7]
    if magic.startswith("ustar") and prefix and "path" not in said and fields[9] != b"ustar  \0":
        name = f"{prefix}/{name}"
    link = said.get("linkpath", _text(fields[8])) if kind in _LINKS else None
    comment = "\n".join([value for key, value in said.items() if key not in _USUAL_RECORDS] + _owner(fields))
    name = said.get("GNU.sparse.name", said.get("path", name))
    size = _whole(said.get("size"), _number(fields[4]))
    if size < 0 or size >= 2**62:
        raise OSError("the tar states an impossible size")
    return Member(
        name=name[:LONGEST_NAME],
        size=size,
        modified=_real(said.get("mtime"), _number(fields[5])),
        mode=_number(fields[1]) & 0o7777,
        comment=comment[:LONGEST_NAME],
        link=link[:LONGEST_NAME] if link is not None else None,
        is_file=kind in [_FILES[i : i + 1] for i in range(len(_FILES))] and not name.endswith("/"),
    )


def _owner(fields: tuple[bytes, ...]) -> list[str]:
    """Who a member belongs to; nothing where that is the administrator."""
    numbers = [_number(fields[2]), _number(fields[3])]
    names = [name for name in (_text(fields[11]), _text(fields[12])) if name not in ("", "root")]
    return ["owner " + " ".join(map(str, [*numbers, *names]))] if any(numbers) or names else []


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 20 else otherwise


def _real(text: str | None, otherwise: int) -> float:
    try:
        return float(text) if text is not None else float(otherwise)
    except (ValueError, OverflowError):
        return 0.0


def _long(file: IO[bytes], size: int) -> bytes:
    if not 0 <= size <= _LONGEST_HEADER:
        raise OSError("the tar contains a header of absurd size")
    return file.read(size + -size % _BLOCK)[:size]


def _records(raw: bytes) -> dict[str, str]:
    """Keys and values of an extended header, each `LENGTH KEY=VALUE` and a line break."""
    found = {}
    while raw:
        length, _, _ = raw.partition(b" ")
        if not (length.isdigit() and len(length) < 8 and len(length) + 2 < int(length) <= len(raw)):
            break
        key, _, value = raw[len(length) + 1 : int(length) - 1].partition(b"=")
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        raw = raw[int(length) :]
    return found


def _skip_sparse(file: IO[bytes], block: bytes) -> int:
    """Read over the further headers of a file with holes; how many bytes they have."""
    count = 0
    more = block[482]
    while more:
        block = file.read(_BLOCK)
        count += len(block)
        more = block[504] if len(block) == _BLOCK else 0
    return count


def _go_on(file: IO[bytes], count: int, place: int | None) -> None:
    if place is not None:
        file.seek(place)
    elif skip(file, count) < count:
        raise OSError("the tar is cut off")


class _Content(io.RawIOBase):
    """The content of a member within the stream of its tar."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        if not self.left:
            return 0
        with damage_told():
            found = self._file.read(min(len(target), self.left))
        if not found:
            raise OSError("the tar is cut off")
        target[: len(found)] = found
        self.left -= len(found)
        return len(found)
