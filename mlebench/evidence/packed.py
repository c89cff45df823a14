"""Looks for secrets in packed files of agents: gzip, bzip2 and xz within each other, and the members of zip archives."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable
from typing import IO, Any

from mlebench._support.secret_search import SearchedStream, SecretSearch

_BLOCK = 2**20
_DEEPEST = 3
_MOST_MEMBERS = 10_000
_LEAST_ROOM, _MOST_RATIO = 64 * 2**20, 100
"""Bytes that any file may unpack to, and how many times its size a large one may."""
_OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
_ZIP = b"PK\x03\x04"
_DAMAGED = (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


class Unsearchable(Exception):
    """The file is packed in a way in which it cannot be searched within bounds."""


def is_packed(stream: IO[bytes]) -> bool:
    """Whether a file is packed in one of these ways."""
    stream.seek(0)
    head = stream.read(8)
    return head.startswith(_ZIP) or _opener(head) is not None


def secrets_within(stream: IO[bytes], size: int, search: SecretSearch) -> set[str]:
    """Names of the values that are in what a file of `size` bytes unpacks to; in a damaged one, up to the damage.

    Raises:
        Unsearchable: it is encrypted, packed by another method or too often, or unpacks to too much.
    """
    stream.seek(0)
    return _Unpacked(search, _LEAST_ROOM + _MOST_RATIO * size).within(stream, 0)


class _Unpacked:
    def __init__(self, search: SecretSearch, room: int) -> None:
        self._search = search
        self._left = room

    def within(self, stream: IO[bytes], depth: int) -> set[str]:
        head = stream.read(8)
        stream.seek(0)
        opener = _opener(head)
        try:
            if head.startswith(_ZIP):
                return self._of_members(stream, depth)
            if opener is not None:
                return self._of_stream(opener(stream), depth + 1)
        except _DAMAGED:
            return set()
        return set()

    def _of_members(self, stream: IO[bytes], depth: int) -> set[str]:
        found: set[str] = set()
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS or depth:
                raise Unsearchable
            for member in members:
                found |= self._search.found_in(member.filename.encode("utf-8", "surrogateescape"))
                try:
                    with archive.open(member) as content:
                        found |= self._of_stream(content, depth + 1)
                except (RuntimeError, NotImplementedError):
                    # encrypted, or packed by a method that Python does not know
                    raise Unsearchable from None
        return found

    def _of_stream(self, content: IO[bytes], depth: int) -> set[str]:
        searched = SearchedStream(self._search)
        head = b""
        try:
            while block := content.read(_BLOCK):
                if not head:
                    head = block[:8]
                self._left -= len(block)
                if self._left < 0:
                    raise Unsearchable
                searched.feed(block)
        except _DAMAGED:
            return searched.found
        if not (head.startswith(_ZIP) or _opener(head)):
            return searched.found
        if depth >= _DEEPEST or head.startswith(_ZIP) or not content.seekable():
            raise Unsearchable
        content.seek(0)
        return searched.found | self.within(content, depth)


def _opener(head: bytes) -> Callable[[IO[bytes]], IO[bytes]] | None:
    """What unpacks a file that begins so; None if it is not packed by one of these."""
    return next((opener for magic, opener in _OPENERS.items() if head.startswith(magic)), None)
