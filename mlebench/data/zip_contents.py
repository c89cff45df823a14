"""Contents of a zip's members, read and packed without the overhead of `zipfile` for each member, and in several threads.

The quick way proves that a member is sound (name, sizes and CRC-32 agree) or gives up with `NotPlain`; `zipfile` then reads it
and says what is wrong.
"""

from __future__ import annotations

import io
import itertools
import os
import zipfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple

PIECE = 1 << 20
"""Bytes that are read and packed at a time."""

_READ = 96 * 1024
"""Bytes that are read at a time: larger pieces of memory are taken from the system again each time, which takes longer than
copying."""
_LOCAL_HEADER = 30
_UTF8_NAME = 0x800
_UNUSUAL = 0x1 | 0x20 | 0x40
"""Flags of encrypted and patched members."""


class NotPlain(Exception):
    """A member that only `zipfile` can read, or can say why not."""


class ZipContents:
    """Members of an open zip, which may be read from several threads."""

    def __init__(self, opened: zipfile.ZipFile) -> None:
        """Look at an open zip; where it has no separate file, every member is `NotPlain`."""
        self._opened = opened
        try:
            self._file = opened.fp.fileno() if opened.fp else -1
        except io.UnsupportedOperation:
            self._file = -1
        starts = [*sorted(member.header_offset for member in opened.infolist()), opened.start_dir]
        self._ends = dict(itertools.pairwise(starts))

    def size_of(self, name: str) -> int:
        """Bytes of a member unpacked, as the zip's directory states them; 0 if there is no such member."""
        member = self._opened.NameToInfo.get(name)
        return 0 if member is None else member.file_size

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content of a member in small pieces.

        Raises:
            NotPlain: before or after some pieces, which are worth nothing then.
        """
        member = self._opened.NameToInfo.get(name)
        if member is None or self._file < 0:
            raise NotPlain
        start = self._start_of(member)
        if member.compress_type == zipfile.ZIP_STORED and member.compress_size == member.file_size:
            found = self._raw(start, member.file_size)
        elif member.compress_type == zipfile.ZIP_DEFLATED:
            found = self._inflated(start, member)
        else:
            raise NotPlain
        crc = 0
        for piece in found:
            crc = zlib.crc32(piece, crc)
            yield piece
        if crc != member.CRC:
            raise NotPlain

    def _start_of(self, member: zipfile.ZipInfo) -> int:
        head = os.pread(self._file, _LOCAL_HEADER + 256, member.header_offset)
        if len(head) < _LOCAL_HEADER or head[:4] != b"PK\x03\x04" or member.flag_bits & _UNUSUAL:
            raise NotPlain
        named, extra = int.from_bytes(head[26:28], "little"), int.from_bytes(head[28:30], "little")
        utf8 = int.from_bytes(head[6:8], "little") & _UTF8_NAME
        try:
            name = member.orig_filename.encode("utf-8" if utf8 else "cp437")
        except UnicodeEncodeError:
            raise NotPlain from None
        start = member.header_offset + _LOCAL_HEADER + named + extra
        if head[_LOCAL_HEADER : _LOCAL_HEADER + named] != name or start + member.compress_size > self._ends[member.header_offset]:
            # the name does not agree, or the member reaches into the next one
            raise NotPlain
        return start

    def _raw(self, start: int, size: int) -> Iterator[bytes]:
        end = start + size
        while start < end:
            piece = os.pread(self._file, min(_READ, end - start), start)
            if not piece:
                raise NotPlain
            yield piece
            start += len(piece)

    def _inflated(self, start: int, member: zipfile.ZipInfo) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        left = member.file_size
        try:
            for packed in self._raw(start, member.compress_size):
                while packed and not unpacker.eof:
                    # one byte more than there should be shows that there is more
                    piece = unpacker.decompress(packed, min(_READ, left + 1))
                    left -= len(piece)
                    if left < 0:
                        raise NotPlain
                    packed = unpacker.unconsumed_tail
                    yield piece
        except zlib.error:
            raise NotPlain from None
        if left or not unpacker.eof or unpacker.unused_data:
            raise NotPlain


class Packed(NamedTuple):
    """What a zip holds for a member."""

    content: bytes
    size: int
    """Bytes before packing."""
    crc: int


def pack(content: bytes, method: int) -> Packed:
    """Store or deflate a content, as `zipfile` does with pieces of `PIECE` bytes."""
    if method == zipfile.ZIP_STORED:
        return Packed(content, len(content), zlib.crc32(content))
    packer = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS)
    pieces = [packer.compress(content[start : start + PIECE]) for start in range(0, len(content), PIECE)]
    return Packed(b"".join([*pieces, packer.flush()]), len(content), zlib.crc32(content))


def append(target: zipfile.ZipFile, entry: zipfile.ZipInfo, packed: Packed) -> None:
    """Add a member to a zip that is being written, as `target.open(entry, "w", force_zip64=True)` would."""
    assert target.fp is not None
    entry.flag_bits = 0
    entry.file_size, entry.compress_size, entry.CRC = packed.size, len(packed.content), packed.crc
    entry.header_offset = target.start_dir
    header = entry.FileHeader(True)
    target.fp.write(header)
    target.fp.write(packed.content)
    target.start_dir += len(header) + len(packed.content)
    target.filelist.append(entry)
    target.NameToInfo[entry.filename] = entry
