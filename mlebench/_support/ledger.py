"""Ledgers: files of lines, each of which holds the hash of the line before and says about which run it is, so that nobody changes
one, or puts it in the place of another, unseen."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import itertools
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

from grading.printable import printable
from mlebench._support.plain_files import append_plain, open_plain
from mlebench._support.quantities import show_size

LONGEST_LINE = 2**20
"""Bytes; a longer entry is a mistake of whoever appends it, and a longer line in a file is none of ours."""
_MOST_CHECKED = 64 * 2**20
"""Bytes of a file that is read in full when it is taken up; of a larger one only the end is."""
_MOST_HELD = 10_000
_MOST_AT_ONCE = 5_000
"""Lines that a tail gives at once."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
_encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


class Whose(NamedTuple):
    """The attempt of a run whose calls a ledger holds; its fields are keys of each line. Lines of earlier harnesses lack them."""

    group: str
    """Of the run, as its record calls it."""
    run: str
    attempt: int


def stated_whose(entry: Mapping[str, Any]) -> tuple[str | int | None, ...] | None:
    """What a line says about whose it is, in the order of `Whose`; None if it says nothing, as those of earlier harnesses."""
    if not any(key in entry for key in Whose._fields):
        return None
    stated = (entry.get(key) for key in Whose._fields)
    # to Python True is 1
    return tuple(value if type(value) in (str, int) else None for value in stated)


def canonical(entry: Mapping[str, Any]) -> bytes:
    """The one way to write an object as JSON: keys in order, no blanks, ASCII, numbers finite.

    Raises:
        ValueError: a number is not finite.
        TypeError: a value is of no kind that JSON has.
    """
    return _encoder.encode(entry).encode("ascii")


def hash_of(entry: Mapping[str, Any]) -> str:
    """SHA-256 of a line without its `hash`, in hexadecimal."""
    return hashlib.sha256(canonical({key: value for key, value in entry.items() if key != "hash"})).hexdigest()


def broken_line(lines: Iterable[Mapping[str, Any] | None]) -> int | None:
    """The place (from 1) of the first line that was changed or does not follow the one before it; None of a whole chain.

    Args:
        lines: None represents a line that is not an object.
    """
    previous = None
    for place, entry in enumerate(lines, start=1):
        if entry is None or entry.get("n") != place or entry.get("previous") != previous or not _is_unchanged(entry):
            return place
        previous = entry["hash"]
    return None


def _is_unchanged(entry: Mapping[str, Any]) -> bool:
    try:
        return bool(entry.get("hash") == hash_of(entry))
    except (ValueError, TypeError, RecursionError):
        return False


def broken_line_of(path: Path, most: int) -> int | None:
    """`broken_line` of a file; what stands behind its last line feed is a line as well.

    Raises:
        OSError: see `ledger_lines`.
    """
    return broken_line(all_lines(path, most))


def ledger_lines(path: Path, most: int) -> Iterator[dict[str, Any]]:
    """The lines of an untrusted ledger; anything but objects, including a torn last line, is skipped.

    Args:
        path: the file.
        most: bytes that it may have.

    Raises:
        OSError: it does not exist, is not a regular file, is not readable or is larger.
    """
    return (entry for entry in all_lines(path, most) if entry is not None)


def all_lines(path: Path, most: int) -> Iterator[dict[str, Any] | None]:
    """The same, with None for every line that is not an object.

    Raises:
        OSError: see `ledger_lines`.
    """
    with open_plain(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, f"larger than {show_size(most)}", str(path))
        left = most
        # a piece of a line longer than any of ours is not an object either
        while left > 0 and (line := file.readline(LONGEST_LINE + 1)):
            left -= len(line)
            yield parsed_line(line.rstrip(b"\n"))


def stated_number(value: object, most: int) -> float | None:
    """A number that a line states, brought to 0 to `most`; None of anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return min(max(value, 0), most) if isinstance(value, int) or math.isfinite(value) else None


def stated_words(value: object, most: int) -> str | None:
    """A text that a line states, printable and of at most `most` characters; None of anything else."""
    if not isinstance(value, str):
        return None
    # almost every text is as it is to be, and ledgers are long
    if len(value) <= most and value.isprintable():
        return value
    # escaped first, so that what is cut stays cut when it is read again
    return printable(printable(value, None), most)


class Ledger:
    """Appends to a ledger, and goes on with one that is there.

    A line is written at once and whole, so that a killed process leaves complete lines and at most one torn one, which is cut
    off when the ledger is taken up. One process at a time writes.

    No fault of the file reaches whoever appends: what cannot be written now (another process writes, the disk is full, a pipe
    is there) is held and written as soon as it can be, and `note` says so once. Whatever is in the file's place and is not a
    file is moved aside. Damage within the file is not repaired: the chain goes on from what is there, so that whoever checks
    it sees the break.
    """

    def __init__(self, path: Path, note: Callable[[str], None] = lambda sentence: None, whose: Whose | None = None) -> None:
        """Args:
        path: of the file; its folder is there.
        note: gets a sentence about each kind of fault.
        whose: what each line says about whose it is; None if the ledger does not belong to a run.
        """
        self.lines = 0
        """Lines of the chain."""
        self.head: str | None = None
        """Hash of the last one; None of an empty ledger."""
        self._path = path
        self._note = note
        self._whose = whose._asdict() if whose is not None else {}
        self._noted: set[str] = set()
        self._held: list[dict[str, Any]] = []
        self._latest = ""
        self._file: IO[bytes] | None = None
        self._size = 0
        with contextlib.suppress(OSError):
            self._write_held()

    def append(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Add a line; it is in the file when this returns, if the file can be written at all.

        Args:
            entry: JSON-ready, of less than 1 MiB; `at`, `n`, `previous`, `hash` and whose it is are added.

        Returns:
            the whole line.

        Raises:
            ValueError, TypeError: the entry is not JSON-ready or too long.
        """
        line = {**entry, **self._whose, "at": self._now()}
        if (size := len(canonical(line))) > LONGEST_LINE - 1024:
            raise ValueError(f"an entry of {size} bytes is too long for a ledger")
        if len(self._held) >= _MOST_HELD:
            self._say(f"more than {_MOST_HELD} lines could not be written; further ones are lost")
            return _chained(line, self.lines + 1, self.head)
        self._held.append(line)
        self._latest = line["at"]
        try:
            return self._write_held() or line
        except OSError as error:
            self._say(f"{error.strerror or error}; lines are held until it can be written")
            return _chained(line, self.lines + len(self._held), self.head)

    def close(self) -> None:
        """Write what is held, if that is possible now, and let others write."""
        try:
            self._write_held()
        except OSError as error:
            if self._held:
                self._say(f"{error.strerror or error}; {len(self._held)} lines are lost")
        self._let_go()

    def _now(self) -> str:
        """The time, never before that of the line before: a clock may be set back."""
        return max(datetime.now(UTC).isoformat(timespec="microseconds"), self._latest)

    def _write_held(self) -> dict[str, Any] | None:
        """Write the lines that are held; returns the last of them."""
        last = None
        file = self._taken_up()
        while self._held:
            last = _chained(self._held[0], self.lines + 1, self.head)
            self._size += self._write(file, canonical(last) + b"\n")
            self.lines, self.head = last["n"], last["hash"]
            del self._held[0]
        return last

    def _write(self, file: IO[bytes], line: bytes) -> int:
        written = file.write(line)
        if written < len(line):
            # the disk is full: nobody is to find a torn line within the file
            os.ftruncate(file.fileno(), self._size)
            written = file.write(line)
            if written < len(line):
                os.ftruncate(file.fileno(), self._size)
                raise OSError("no space left")
        return written

    def _taken_up(self) -> IO[bytes]:
        """The open file, which is still the one at the path and as it was left."""
        if self._file is not None and not self._is_there():
            self._say("another process removed or replaced it; the chain continues in a new file")
            self._let_go()
            self._begin(goes_on=True)
        elif self._file is None:
            self._begin(goes_on=self.lines > 0)
        elif os.fstat(self._file.fileno()).st_size != self._size:
            self._say("another process wrote to it; the chain continues after that")
            self._end_line(self._file)
        assert self._file is not None
        return self._file

    def _is_there(self) -> bool:
        assert self._file is not None
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), self._path.lstat())
        except OSError:
            return False

    def _begin(self, goes_on: bool) -> None:
        """Open the file.

        Args:
            goes_on: whether the chain is known already, so that the file's own end does not matter.
        """
        file = self._opened()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not goes_on:
                self._take_up_chain(file)
            self._end_line(file)
        except BlockingIOError:
            file.close()
            raise OSError("another process writes to it") from None
        except BaseException:
            file.close()
            raise
        self._file = file

    def _opened(self) -> IO[bytes]:
        try:
            return append_plain(self._path)
        except OSError as error:
            if self._is_plain_or_gone():
                raise
            aside = self._move_aside()
            self._say(f"{error.strerror} was in its place and is now {aside.name}")
            return append_plain(self._path)

    def _is_plain_or_gone(self) -> bool:
        return not os.path.lexists(self._path) or (self._path.is_file() and not self._path.is_symlink())

    def _move_aside(self) -> Path:
        free = (self._path.with_name(f"{self._path.name}.aside-{number}") for number in itertools.count(1))
        aside = next(place for place in free if not os.path.lexists(place))
        self._path.rename(aside)
        return aside

    def _take_up_chain(self, file: IO[bytes]) -> None:
        """Find the chain's end, after a torn line has been cut off."""
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            return
        with open_plain(self._path) as reading:
            end = _end_of_lines(reading, size)
            if end is None:
                self._say(f"its last {2 * LONGEST_LINE // 2**20} MiB contain no line; the chain starts again after them")
                return
            if end < size:
                os.ftruncate(file.fileno(), end)
                self._say("the last line was incomplete and is removed")
            if end <= _MOST_CHECKED:
                reading.seek(0)
                self._go_on_behind(reading.read(end).split(b"\n")[:-1])
            else:
                self._say(f"it is larger than {_MOST_CHECKED // 2**20} MiB, so only its end was checked")
                reading.seek(max(0, end - 2 * LONGEST_LINE))
                self._go_on_behind(reading.read(end - reading.tell()).split(b"\n")[:-1][-1:], is_all=False)

    def _go_on_behind(self, lines: list[bytes], is_all: bool = True) -> None:
        entries = [parsed_line(line) for line in lines]
        if is_all and (place := broken_line(entries)) is not None:
            self._say(f"the chain is broken at line {place}; it continues after that line")
        last = (entries[-1] if entries else None) or {}
        stated, number, at = last.get("hash"), last.get("n"), last.get("at")
        self._latest = at if isinstance(at, str) and _TIME.fullmatch(at) else ""
        is_number = isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**53
        self.lines = number if isinstance(number, int) and is_number else len(lines)
        raw = lines[-1] if lines else b""
        self.head = stated if isinstance(stated, str) and len(stated) == 64 else hashlib.sha256(raw).hexdigest() if raw else None

    def _end_line(self, file: IO[bytes]) -> None:
        """Whatever is in the file, the next line begins one."""
        self._size = os.fstat(file.fileno()).st_size
        if self._size:
            with open_plain(self._path) as reading:
                reading.seek(self._size - 1)
                if reading.read(1) != b"\n":
                    self._size += file.write(b"\n")

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _say(self, sentence: str) -> None:
        if sentence not in self._noted:
            self._noted.add(sentence)
            self._note(f"{self._path.name}: {sentence}")


def _chained(line: Mapping[str, Any], number: int, previous: str | None) -> dict[str, Any]:
    whole = {**line, "n": number, "previous": previous}
    return {**whole, "hash": hash_of(whole)}


def _end_of_lines(file: IO[bytes], size: int) -> int | None:
    """The place behind the last line feed; None if it is farther from the end than any line of ours is long."""
    start = max(0, size - 2 * LONGEST_LINE)
    file.seek(start)
    found = file.read(size - start).rfind(b"\n")
    return start + found + 1 if found >= 0 or start == 0 else None


def parsed_line(line: bytes) -> dict[str, Any] | None:
    """The object that a line holds, which anybody may have written; None if it holds none."""
    if not 0 < len(line) <= LONGEST_LINE:
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None
