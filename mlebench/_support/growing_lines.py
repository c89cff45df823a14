"""The lines of a file that others append to, each read once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from mlebench._support.ledger import LONGEST_LINE, parsed_line
from mlebench._support.plain_files import open_plain

_BLOCK = 2**22
_REMEMBERED = 128
"""Bytes before the place where reading goes on, by which a file that was written again is told from one that grew."""


class GrowingLines:
    """The objects in a file of JSON lines, such as a ledger. One thread at a time may ask."""

    def __init__(self, path: Path, within: Path, most: int) -> None:
        """Args:
        path: the file.
        within: a folder of ours above it; no part of the path below it may be a link.
        most: bytes that are read of it altogether.
        """
        self.is_cut = False
        """Whether the file is longer than what is read of it."""
        self.problem: OSError | None = None
        """Why nothing could be read the last time, of a file that is there."""
        self._path, self._within, self._most = path, within, most
        self._begin(None)

    def _begin(self, file: tuple[int, int] | None) -> None:
        self._file = file
        self._place = 0
        self._before = b""
        self._is_within_a_line = False

    def is_replaced(self) -> bool:
        """Whether the file is another one than before, or was written again, so that all of it is to be read again.

        The next `new` begins at its beginning then. A file that is gone counts as an empty one.
        """
        try:
            with open_plain(self._path, self._within) as file:
                status = os.fstat(file.fileno())
                before = os.pread(file.fileno(), len(self._before), self._place - len(self._before))
                now: tuple[int, int] | None = (status.st_dev, status.st_ino)
        except OSError:
            now, before = None, b""
        if now == self._file and before == self._before:
            return False
        is_first = self._file is None
        self._begin(now)
        return not is_first

    def new(self) -> Iterator[dict[str, object]]:
        """The objects in the lines added since the last call. An unfinished line is returned later, a non-object never."""
        try:
            file = open_plain(self._path, self._within)
        except FileNotFoundError:
            self.problem = None
            return
        except OSError as error:
            self.problem = error
            return
        self.problem = None
        with file:
            status = os.fstat(file.fileno())
            self._file = (status.st_dev, status.st_ino)
            self.is_cut = status.st_size > self._most
            while block := os.pread(file.fileno(), min(_BLOCK, self._most - self._place), self._place):
                end = block.rfind(b"\n") + 1
                if not end and len(block) <= LONGEST_LINE and len(block) < self._most - self._place:
                    return
                # a piece of a line longer than any of ours is skipped, and so is that line's rest
                skips, self._is_within_a_line = self._is_within_a_line, not end
                taken = block[: end or len(block)]
                self._place += len(taken)
                self._before = (self._before + taken)[-_REMEMBERED:]
                for line in taken.split(b"\n")[int(skips) : -1]:
                    if (entry := parsed_line(line)) is not None:
                        yield entry
