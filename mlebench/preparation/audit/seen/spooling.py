"""Contents that must be read at any place while they are packed: unpacked into memory or a temporary file without a name."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from typing import IO

from mlebench.preparation.audit.seen.bounds import HELD, MOST_NESTED
from mlebench.preparation.audit.seen.window import AnyWindow, FileWindow, HeldWindow, pieces


@contextlib.contextmanager
def spooled(stream: IO[bytes]) -> Iterator[AnyWindow]:
    """What a stream holds, gone at the end of the `with`.

    Raises:
        OSError: it is damaged, larger than the bound or than half of the room for temporary files.
    """
    held = _read(stream, HELD + 1)
    if len(held) <= HELD:
        yield HeldWindow(held)
        return
    with tempfile.TemporaryFile(buffering=0) as file:
        most = min(MOST_NESTED, shutil.disk_usage(tempfile.gettempdir()).free // 2)
        size = file.write(held)
        del held
        for piece in pieces(stream, most - size + 1):
            size += file.write(piece)
        if size > most:
            raise OSError("it unpacks to more than there is room for")
        yield FileWindow(file.fileno(), 0, size)


def beginning(stream: IO[bytes], size: int, most: int) -> HeldWindow:
    """The first `most` bytes of a stream of `size` bytes.

    Raises:
        OSError: it is damaged.
    """
    held = _read(stream, most)
    return HeldWindow(held, max(size, len(held)) if len(held) == most else len(held))


def _read(stream: IO[bytes], most: int) -> bytes:
    return b"".join(pieces(stream, most))


class Store:
    """Contents that are reached by a pass alone, kept for as long as this object lives."""

    def __init__(self, most: int) -> None:
        """Make nothing yet.

        Args:
            most: bytes of all of them.
        """
        self._file: IO[bytes] | None = None
        self._places: dict[str, tuple[int, int]] = {}
        self._left = most
        self._end = 0

    def put(self, name: str, stream: IO[bytes], size: int) -> bool:
        """Keep a content; False if it does not fit any more.

        Raises:
            OSError: it is damaged.
        """
        if name in self._places:
            return True
        if size > self._left or size > shutil.disk_usage(tempfile.gettempdir()).free // 2:
            return False
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # it lives as long as this object
        start = self._end
        for piece in pieces(stream, self._left):
            self._end += self._file.write(piece)
        self._left -= self._end - start
        self._places[name] = (start, self._end - start)
        return True

    def get(self, name: str) -> FileWindow | None:
        """A content that is kept."""
        if self._file is None or name not in self._places:
            return None
        return FileWindow(self._file.fileno(), *self._places[name])
