"""Bytes that can be read at any place: a file, a stretch of one, or what is held in memory."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE = 96 * 1024
"""Bytes that are read at a time."""


class Window(Protocol):
    """Bytes that can be read at any place."""

    @property
    def size(self) -> int:
        """How many there are, including those that `at` cannot give."""

    def at(self, offset: int, count: int) -> bytes:
        """Up to `count` bytes from `offset` on; fewer at the end, none beyond it.

        Raises:
            OSError: they cannot be read.
        """


class FileWindow:
    """A stretch of an open file."""

    __slots__ = ("_descriptor", "_start", "size")

    def __init__(self, descriptor: int, start: int, size: int) -> None:
        self._descriptor = descriptor
        self._start = start
        self.size = size

    def at(self, offset: int, count: int) -> bytes:
        """See `Window`."""
        count = min(count, self.size - offset)
        return os.pread(self._descriptor, count, self._start + offset) if count > 0 and offset >= 0 else b""

    def part(self, start: int, size: int) -> FileWindow:
        """A stretch of this one, cut at its end."""
        return FileWindow(self._descriptor, self._start + start, max(0, min(size, self.size - start)))


class HeldWindow:
    """Bytes in memory, of which the end may be missing."""

    __slots__ = ("_content", "size")

    def __init__(self, content: bytes, size: int | None = None) -> None:
        self._content = content
        self.size = len(content) if size is None else size

    def at(self, offset: int, count: int) -> bytes:
        """See `Window`."""
        return self._content[offset : offset + count] if count > 0 and offset >= 0 else b""

    def part(self, start: int, size: int) -> HeldWindow:
        """A stretch of this one, cut at its end."""
        return HeldWindow(self._content[start : start + max(0, size)])


class AnyWindow(Window, Protocol):
    """A window of which stretches can be taken."""

    def part(self, start: int, size: int) -> AnyWindow:
        """A stretch of this one, cut at its end."""


class _Raw(io.RawIOBase):
    """A window as a file."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        start = {0: 0, 1: self._place, 2: self._window.size}[whence]
        if start + offset < 0:
            raise OSError(errno.EINVAL, "a place before the beginning")
        self._place = start + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        found = self._window.at(self._place, len(target))
        target[: len(found)] = found
        self._place += len(found)
        return len(found)


def as_file(window: Window) -> IO[bytes]:
    """A window as a file that can be read and sought."""
    return buffered(_Raw(window), window.size)


def buffered(raw: io.RawIOBase, size: int) -> IO[bytes]:
    """A stream with a buffer at most as large as its content, since most archive members are small."""
    return cast(IO[bytes], io.BufferedReader(raw, max(1, min(PIECE, size))))


@contextmanager
def open_window(path: Path) -> Iterator[FileWindow]:
    """Open a regular file; no link is followed and nobody is waited for.

    Raises:
        OSError: there is none, it is something else or it may not be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "no regular file", str(path))
        yield FileWindow(descriptor, 0, status.st_size)
    finally:
        os.close(descriptor)


def pieces(file: IO[bytes], most: int) -> Iterator[bytes]:
    """Up to `most` bytes of a stream, in pieces."""
    while most > 0 and (piece := file.read(min(PIECE, most))):
        most -= len(piece)
        yield piece


def skip(file: IO[bytes], count: int) -> int:
    """Read over bytes of a stream; how many there were."""
    return sum(map(len, pieces(file, count)))
