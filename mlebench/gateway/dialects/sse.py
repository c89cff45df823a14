"""Server-sent events, read as they pass by: in blocks of any borders, in bounded memory, and without a change to what passes."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from typing import Any

MOST_EVENT = 8 * 2**20
"""Bytes of an event that is read; of a larger one only its ends are."""
MOST_START, MOST_END = 2**8, 2**16
"""Bytes of those."""
_BOM = b"\xef\xbb\xbf"
_BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")  # it begins with a letter, which is searched for quickly
_BLANK_LINES = re.compile(rb"[\r\n]+")
_LINES = re.compile(rb"\r\n|\n|\r")
_OVERLAP = 3
"""Bytes of a blank line that may have come with the block before."""


def data_of(event: bytes) -> tuple[str, bytes]:
    """Name and data of an event; both empty where it holds none, such as a comment that keeps the connection open."""
    name, data = b"", []
    for line in _LINES.split(event):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return name.decode("utf-8", "replace"), b"\n".join(data)


def parsed(data: bytes) -> Any:
    """The value of JSON; None where it is none."""
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(data)
    return None


def event(name: str, data: bytes) -> bytes:
    """One event; data of several lines is written in one, as JSON has no line feeds that matter."""
    return (b"event: " + name.encode() + b"\n" if name else b"") + b"data: " + data.replace(b"\n", b" ") + b"\n\n"


class EventReader:
    """Cuts a stream into events.

    Events pass on byte for byte as they come. A reader that `holds` waits for the end of each one, so that it can be left out.
    """

    def __init__(
        self, read: Callable[[str, bytes], bool], holds: bool = False, read_ends: Callable[[bytes, bytes], object] | None = None
    ) -> None:
        """Args:
        read: called with name and data of each event that has data; what it returns says whether the event passes.
        holds: whether events can be left out.
        read_ends: called with the first and last bytes of each event that is too large to be read.
        """
        self._read, self._holds, self._read_ends = read, holds, read_ends
        self._start_bytes, self._end_bytes = b"", b""
        """What has passed of an event that is too large: the beginning and the last of it."""
        self._buffer = bytearray()
        self._seen = 0
        """Bytes of the buffer in which no event ends."""
        self._is_unread = False
        """Whether the event in the buffer is too large to be read, and its beginning has passed."""
        self._is_first = True

    def feed(self, block: bytes) -> bytes:
        """Read a block; returns what passes now."""
        self._buffer += block
        passed = self._events(is_end=False)
        if len(self._buffer) > MOST_EVENT or self._is_unread:
            self._is_unread = True
            part = bytes(self._buffer[:-_OVERLAP])
            self._start_bytes = self._start_bytes or part[:MOST_START]
            self._end_bytes = (self._end_bytes + part)[-MOST_END:]
            passed += part
            del self._buffer[:-_OVERLAP]
            self._seen = 0
        return bytes(passed) if self._holds else block

    def finish(self) -> bytes:
        """The stream has ended; returns what was held back. An event without its blank line is read all the same."""
        passed = self._events(is_end=True)
        if self._buffer:
            passed += self._take(bytes(self._buffer))
            self._buffer.clear()
        return bytes(passed) if self._holds else b""

    def _events(self, is_end: bool) -> bytearray:
        passed = bytearray()
        start = 0
        while True:
            if not self._is_unread and (blank := _BLANK_LINES.match(self._buffer, start)):
                passed += blank.group()
                start = blank.end()
            found = _BLANK_LINE.search(self._buffer, max(start, self._seen))
            if found is None or (found.end() == len(self._buffer) and self._buffer[-1:] == b"\r" and not is_end):
                break
            passed += self._take(bytes(self._buffer[start : found.end()]))
            start = found.end()
        del self._buffer[:start]
        self._seen = max(0, len(self._buffer) - _OVERLAP)
        return passed

    def _take(self, event: bytes) -> bytes:
        """Read an event; returns what passes of it."""
        is_unread, self._is_unread = self._is_unread, False
        is_first, self._is_first = self._is_first, False
        if is_unread:
            if self._read_ends is not None:
                self._read_ends(self._start_bytes, (self._end_bytes + event)[-MOST_END:])
            self._start_bytes, self._end_bytes = b"", b""
            return event
        if b"data" not in event:
            return event
        name, data = data_of(event.removeprefix(_BOM) if is_first else event)
        return event if not data or self._read(name, data) else b""


class ArrayReader:
    """Cuts a stream that is one JSON array into its members, which are objects; what passes is not touched."""

    _MARKS = re.compile(rb'["{}\[\]]')
    _IN_TEXT = re.compile(rb'["\\]')

    def __init__(self, read: Callable[[bytes], object]) -> None:
        """With `read` called with each member."""
        self._read = read
        self._buffer = bytearray()
        self._seen = 0
        self._depth = 0
        self._is_text = False
        self.is_closed = False
        """Whether the array's end was read."""
        self._is_lost = False

    def feed(self, block: bytes) -> None:
        """Read a block."""
        if self._is_lost or self.is_closed:
            return
        self._buffer += block
        while not self._is_lost and (found := self._next()):
            self._step(found)
        if len(self._buffer) > MOST_EVENT:
            self._is_lost = True
            self._buffer.clear()

    def _next(self) -> re.Match[bytes] | None:
        found = (self._IN_TEXT if self._is_text else self._MARKS).search(self._buffer, self._seen)
        if found is None:
            self._seen = max(self._seen, len(self._buffer))
            if self._depth <= 1:
                self._drop(self._seen)
        elif found.group() == b"\\" and found.end() == len(self._buffer):
            self._seen = found.start()
            return None
        return found

    def _step(self, found: re.Match[bytes]) -> None:
        mark, self._seen = found.group(), found.end()
        if mark == b"\\":
            self._seen += 1
        elif mark == b'"':
            self._is_text = not self._is_text
        elif mark in b"{[":
            if self._depth == 1:
                self._drop(found.start())
            self._depth += 1
        else:
            self._depth -= 1
            if self._depth == 1:
                self._read(bytes(self._buffer[: self._seen]))
                self._drop(self._seen)
            elif self._depth <= 0:
                self.is_closed = True
                self._buffer.clear()

    def _drop(self, end: int) -> None:
        del self._buffer[:end]
        self._seen = max(0, self._seen - end)
