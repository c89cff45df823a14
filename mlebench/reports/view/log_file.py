"""A run's log by ranges of bytes: its end, what was added since, or an earlier part; never the whole, however long it is.

A range begins and ends with a line, so that no character is cut in two. Whatever is in the log is shown as text: colours of
terminals become words of a fixed set, a bar that was drawn over and over is shown as it was last, and every other control
character is written out.
"""

from __future__ import annotations

import itertools
import os
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, NamedTuple

from grading.printable import printable
from mlebench._support.plain_files import open_plain

LOG = "run.log"
MOST_BYTES = 64 * 2**10
"""Of the log in one part."""
MOST_LINES = 2000
"""In one part."""
_FAR_BEHIND = 4 * MOST_BYTES
"""A reader who lacks more than this at the end is given the end alone."""
_HEAD, _TAIL = 6 * 2**10, 2 * 2**10
"""Bytes of a long line that are shown."""
_MOST_SEARCHED = 256 * 2**20
"""Bytes that are looked through for the beginning or the end of a line."""
_BLOCK = 2**20
_MOST_SPANS = 20
"""Of one line; what follows is of one colour."""
_BEGINNING = 256
"""Bytes at the beginning by which a file is told from others."""
_HARNESS = "[mlebench] "
_SEQUENCE = re.compile(r"\x1b\[([0-9;:]*)([mK])")
"""What sets colours, or clears a line's rest; all that moves the cursor elsewhere is written out."""
_COLOURS = {number: f"c{number % 10}" for number in (*range(31, 37), *range(91, 97))} | {90: "c7", 37: "c7", 30: "c7"}


class Span(NamedTuple):
    """A piece of a line in one colour."""

    css: str
    """Empty, or words of `b` (bold) and `c1` to `c7` (the terminal's red, green, yellow, blue, magenta, cyan, grey)."""
    text: str
    """Printable."""


class LogLine(NamedTuple):
    """One line, without its end."""

    start: int
    """Where it begins in the file."""
    spans: tuple[Span, ...]
    is_harness: bool = False
    """Whether the harness says it; what an agent prints never looks so."""

    @property
    def text(self) -> str:
        """The line without colours."""
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True)
class LogPart:
    """A range of the log."""

    file: str = ""
    """Distinguishes the file from one that replaced it; empty if there is none. A later part may have a different value."""
    is_anew: bool = False
    """Whether the file named in the question is gone or became shorter, so that this is the end of what is there now."""
    start: int = 0
    end: int = 0
    """Behind its last whole line; what follows is asked for from here."""
    size: int = 0
    """Of the whole file."""
    lines: tuple[LogLine, ...] = ()
    """Whole ones."""
    last: LogLine | None = None
    """What stands behind the last line feed, if the part reaches the end of the file."""
    searched: int = 0
    """No line ends between `end` and here; spares the next look this part."""
    problem: str = ""
    """Why there is nothing to read, such as `a folder`."""

    def to_dict(self) -> dict[str, object]:
        """For the page's script."""
        last = None if self.last is None else _packed(self.last)
        lines = [_packed(line) for line in self.lines]
        return {**vars(self), "lines": lines, "last": last}


def _packed(line: LogLine) -> list[object]:
    return [line.start, int(line.is_harness), [list(span) for span in line.spans]]


def read_end(path: Path, within: Path) -> LogPart:
    """The last lines.

    Args:
        path: the log.
        within: a folder of ours above it; no part of the path below it may be a link.
    """
    return _read(path, within, lambda log: log.end_part())


def read_earlier(path: Path, within: Path, before: int, file: str = "") -> LogPart:
    """The lines before a place at which one begins; as `read_later`."""
    return _read(path, within, lambda log: log.part_before(before) if log.is_still(file, before) else log.end_part(is_anew=True))


def read_later(path: Path, within: Path, start: int, file: str = "", searched: int = 0) -> LogPart:
    """The lines from a place at which one begins; the end alone where that is far, or where the file named is no longer there.

    Args:
        path: as `read_end`.
        within: as `read_end`.
        start: where to begin.
        file: `LogPart.file` of the part before; empty for whatever is there.
        searched: `LogPart.searched` of the part before.
    """

    def part_of(log: _Log) -> LogPart:
        if not log.is_still(file, start):
            return log.end_part(is_anew=True)
        return log.part_from(start, searched) if log.size - start <= _FAR_BEHIND else log.end_part()

    return _read(path, within, part_of)


def _read(path: Path, within: Path, part_of: Callable[[_Log], LogPart]) -> LogPart:
    try:
        with open_plain(path, within) as file:
            return part_of(_Log(file))
    except FileNotFoundError:
        return LogPart()
    except OSError as error:
        return LogPart(problem=error.strerror or "it cannot be read")


class _Log:
    """An open log, as large as it was when it was opened."""

    def __init__(self, file: IO[bytes]) -> None:
        status = os.fstat(file.fileno())
        self.size = status.st_size
        self._place = f"{status.st_dev:x}-{status.st_ino:x}"
        self._descriptor = file.fileno()

    @property
    def file(self) -> str:
        """See `LogPart`: numbers of files are given again, so a checksum of the beginning is part of it."""
        return self._named(min(self.size, _BEGINNING))

    def _named(self, beginning: int) -> str:
        return f"{self._place}-{beginning}-{zlib.crc32(self._bytes(0, beginning)):x}"

    def is_still(self, file: str, place: int) -> bool:
        """Whether this is the file of that name, and reaches to that place; any file where the name is empty."""
        beginning = file.split("-")[2:3]
        is_named = beginning != [] and beginning[0].isascii() and beginning[0].isdecimal() and len(beginning[0]) <= 3
        return place <= self.size and (not file or (is_named and file == self._named(min(int(beginning[0]), _BEGINNING))))

    def end_part(self, *, is_anew: bool = False) -> LogPart:
        """The last lines."""
        return replace(self._end_part(), is_anew=is_anew)

    def _end_part(self) -> LogPart:
        start = max(0, self.size - MOST_BYTES)
        block = self._bytes(start, self.size)
        first = 0 if start == 0 else block.find(b"\n") + 1
        if start and not first:
            # within one long line
            begun = self._begin_of_line(start)
            return self._part(begun, begun, (), reaches_end=True)
        end = max(first, block.rfind(b"\n") + 1)
        lines = self._lines(start + first, block[first:end])[-MOST_LINES:]
        return self._part(lines[0].start if lines else start + first, start + end, lines, reaches_end=True)

    def part_before(self, end: int) -> LogPart:
        """The lines that end where one begins."""
        start = max(0, end - MOST_BYTES)
        block = self._bytes(start, end)
        first = 0 if start == 0 else block.find(b"\n", 0, max(0, len(block) - 1)) + 1
        if start and not first:
            begun = self._begin_of_line(start)
            return self._part(begun, end, (self._long_line(begun, end),))
        lines = self._lines(start + first, block[first:])[-MOST_LINES:]
        return self._part(lines[0].start if lines else end, end, lines)

    def part_from(self, start: int, searched: int) -> LogPart:
        """The lines from where one begins."""
        block = self._bytes(start, min(self.size, start + MOST_BYTES))
        if end := block.rfind(b"\n") + 1:
            lines = self._lines(start, block[:end])
            if len(lines) > MOST_LINES:
                return self._part(start, lines[MOST_LINES].start, lines[:MOST_LINES])
            return self._part(start, start + end, lines, reaches_end=start + len(block) == self.size)
        if start + len(block) == self.size:
            return self._part(start, start, (), reaches_end=True)
        place = max(start + len(block), min(searched, self.size))
        found = self._end_of_line(place)
        if found is not None:
            return self._part(start, found, (self._long_line(start, found),))
        if self.size - place > _MOST_SEARCHED:
            return self.end_part()
        return self._part(start, start, (), reaches_end=True)

    def _part(self, start: int, end: int, lines: tuple[LogLine, ...], *, reaches_end: bool = False) -> LogPart:
        """A part; where it reaches the end of the file, no line feed stands behind `end`."""
        last = self._long_line(end, self.size) if reaches_end and end < self.size else None
        return LogPart(self.file, False, start, end, self.size, lines, last, self.size if reaches_end else end)

    def _lines(self, start: int, block: bytes) -> tuple[LogLine, ...]:
        """The lines of a block that ends with one."""
        places = itertools.accumulate((len(line) + 1 for line in block.split(b"\n")), initial=start)
        return tuple(self._line(place, line) for place, line in zip(places, block.split(b"\n")[:-1], strict=False))

    def _line(self, start: int, line: bytes) -> LogLine:
        shown = _last_state(line)
        if len(shown) <= _HEAD + _TAIL:
            return _shown_line(start, _decoded(shown), is_whole=b"\r" not in line.rstrip(b"\r\n"))
        left_out = len(shown) - _HEAD - _TAIL
        return _shown_line(start, _decoded(shown[:_HEAD]), left_out, _decoded_tail(shown[-_TAIL:]))

    def _long_line(self, start: int, end: int) -> LogLine:
        """A line of any length, of which only both ends are read."""
        if end - start <= MOST_BYTES:
            return self._line(start, self._bytes(start, end))
        head, tail = self._bytes(start, start + _HEAD), self._bytes(end - _TAIL, end)
        state = _last_state(tail)
        if len(state) < len(tail.rstrip(b"\r\n")):
            return _shown_line(start, _decoded(state), is_whole=False)
        return _shown_line(start, _decoded(head), end - start - _HEAD - _TAIL, _decoded_tail(state))

    def _begin_of_line(self, place: int) -> int:
        """Where the line begins that goes on at `place`, or as far before as is looked."""
        least = max(0, place - _MOST_SEARCHED)
        while place > least:
            start = max(least, place - _BLOCK)
            if (found := self._bytes(start, place).rfind(b"\n")) >= 0:
                return start + found + 1
            place = start
        return least

    def _end_of_line(self, place: int) -> int | None:
        """Behind the next line feed; None if there is none, or none as far as is looked."""
        most = min(self.size, place + _MOST_SEARCHED)
        while place < most:
            block = self._bytes(place, min(most, place + _BLOCK))
            if (found := block.find(b"\n")) >= 0:
                return place + found + 1
            if not block:
                return None
            place += len(block)
        return None

    def _bytes(self, start: int, end: int) -> bytes:
        return os.pread(self._descriptor, max(0, end - start), start)


def _last_state(line: bytes) -> bytes:
    """What a terminal shows of a line that was drawn over and over."""
    states = line.rstrip(b"\r\n").rsplit(b"\r", 1)
    return states[-1]


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")


def _decoded_tail(text: bytes) -> str:
    """The same of the end of a line, which may begin within a character."""
    start = next((place for place, byte in enumerate(text[:4]) if byte & 0xC0 != 0x80), 0)
    return _decoded(text[start:])


def _shown_line(start: int, head: str, left_out: int = 0, tail: str = "", *, is_whole: bool = True) -> LogLine:
    is_harness = is_whole and head.startswith(_HARNESS)
    spans = list(_spans(head))
    if left_out:
        spans += [Span("c7", f" … {left_out:,} bytes of this line omitted … "), *_spans(tail)]
    return LogLine(start, tuple(spans), is_harness)


def _spans(text: str) -> Iterator[Span]:
    """The pieces of a line by their colours."""
    colour, bold, place, count = "", "", 0, 0
    for found in _SEQUENCE.finditer(text):
        if piece := text[place : found.start()]:
            if count == _MOST_SPANS - 1:
                yield Span("", _shown(_SEQUENCE.sub("", text[place:])))
                return
            yield Span(f"{bold} {colour}".strip(), _shown(piece))
            count += 1
        place = found.end()
        if found[2] == "m":
            colour, bold = _style(found[1], colour, bold)
    if rest := text[place:]:
        yield Span(f"{bold} {colour}".strip(), _shown(rest))


def _style(codes: str, colour: str, bold: str) -> tuple[str, str]:
    """The colour and weight after a sequence; unknown codes change nothing."""
    numbers = iter(re.split("[;:]", codes)[:16])
    for number in numbers:
        code = int(number) if number.isdigit() and len(number) < 4 else 0 if not number else -1
        if code in (38, 48, 58):
            # a colour of a larger palette, given by the numbers that follow
            for _ in range({"5": 1, "2": 3}.get(next(numbers, ""), 0)):
                next(numbers, "")
        elif code in (0, 39):
            colour, bold = "", bold if code else ""
        elif code in (1, 22):
            bold = "b" if code == 1 else ""
        else:
            colour = _COLOURS.get(code, colour)
    return colour, bold


def _shown(text: str) -> str:
    return printable(text.expandtabs(4), None)
