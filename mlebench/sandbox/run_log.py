"""A run's log: the agent's output, with secrets masked, and the harness's notes about the run.

The agent's output enters only through `copy`. Lines of the harness are recognised by their prefix, see `harness_lines`.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from mlebench._support.plain_files import append_plain, open_plain
from mlebench._support.secrets import Mask
from mlebench.sandbox.harness_lines import PREFIX, Agents, harness_line

_log = logging.getLogger(__name__)
LARGEST_LOG = 256 * 2**20
"""Most bytes of the agent's output that are kept."""
_BLOCK = 2**20
_SLACK = 2**20
"""Bytes reserved for the harness's own lines."""
_TORN = "text that was not written to this log by the harness was replaced or left out"
_CUT = "the agent printed more than {}; the rest is not kept"
_WENT_BACK = "this log was truncated while the agent was running; lines are missing here"
_HARNESS_LINE = re.compile(rb"^%s[^\n]*\n" % re.escape(PREFIX), re.MULTILINE)
_LONGEST_LINE = 2**16
_MOST_TRUSTED = 10_000
_OF_COPYING = re.compile(
    rb"\[mlebench\] [0-9 :-]{19} (?:%s|%s)\n"
    % (re.escape(_CUT.encode()).replace(rb"\{\}", rb"[0-9.]+ \w+"), re.escape(_WENT_BACK.encode()))
)
"""Lines written by the separate process that copies the agent's output."""


class RunLog:
    """Appends to `run.log`; may be used from several threads and processes. A log that cannot be written does not end the run."""

    def __init__(self, path: Path | str, secrets: Sequence[str] = (), largest: int = LARGEST_LOG) -> None:
        """Args:
        path: the log.
        secrets: values to mask.
        largest: most bytes of the agent's output to keep.
        """
        self._path = Path(path)
        self._secrets = tuple(secrets)
        self._mask = Mask(secrets) if secrets else None
        self._agents = Agents()
        self._left = largest
        self._largest = largest
        self._is_broken = False
        self._size_before = 0
        self._known: Counter[bytes] = Counter()
        self._lock = threading.RLock()

    @property
    def size(self) -> int:
        """Bytes written so far, by any process."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def rewind(self, size: int) -> None:
        """Cut the log to `size` bytes: the rest is read from the engine again."""
        with contextlib.suppress(OSError), self._path.open("r+b") as file:
            if size < self.size:
                file.truncate(size)
                self._size_before = size

    def note(self, text: str) -> None:
        """Write a line of the harness."""
        line = harness_line(text)
        line = self._mask.apply(line) if self._mask else line
        with self._lock:
            self._known[line] += 1
            self._append((b"\n" if self._ends_within_a_line() else b"") + line)

    @property
    def is_full(self) -> bool:
        """Whether no more of the agent's output is kept."""
        return self._left <= 0

    def copy(self, blocks: Iterable[bytes]) -> None:
        """Write the agent's output as it arrives; a secret split between two blocks is masked, too."""
        for block in blocks:
            self._write_output(self._agents.feed(self._mask.feed(block) if self._mask else block))

    def finish(self) -> None:
        """Finish the agent's output: write what was held back, and end its last line."""
        rest = self._agents.feed(self._mask.finish() if self._mask else b"")
        self._write_output(rest + self._agents.finish())
        with self._lock:
            if self._ends_within_a_line():
                self._append(b"\n")

    def trust(self) -> None:
        """Accept the log's existing harness lines as genuine, as written by an earlier harness."""
        with contextlib.suppress(OSError), open_plain(self._path) as file:
            lines = (piece for piece in _pieces(file, self._most) if piece.startswith(PREFIX))
            self._known.update(itertools.islice(lines, _MOST_TRUSTED))

    def audit(self) -> None:
        """Bring a log that an agent could have written to into the form of one written only here.

        Secrets in it are masked, and lines that only look like the harness's are marked as the agent's. Genuine lines are those
        of this object and those that `trust` found. Removed lines cannot be restored, but are reported.
        """
        missing = self._known.copy()
        try:
            with open_plain(self._path) as file:
                is_genuine = os.fstat(file.fileno()).st_size <= self._most and self._is_genuine(file, missing)
                if not is_genuine:
                    file.seek(0)
                    missing = self._known.copy()
                    self._replace(self._genuine(file, missing))
        except FileNotFoundError:
            is_genuine = True
        except OSError as error:
            self.note(f"this log could not be checked: {error.strerror}")
            return
        if not is_genuine:
            self.note(_TORN)
        if missing.total():
            self.note(_WENT_BACK)

    @property
    def _most(self) -> int:
        return self._largest + _SLACK

    def _is_genuine(self, file: IO[bytes], missing: Counter[bytes]) -> bool:
        """Whether the log needs no change; removes the lines found from `missing`."""
        mask, agents = Mask(self._secrets), Agents()
        # masking and marking change the length
        change = 0
        for piece in _pieces(file, self._most):
            if piece.startswith(PREFIX):
                if not _is_known(piece, missing):
                    return False
            else:
                change += len(agents.feed(mask.feed(piece))) - len(piece)
        return change + len(agents.feed(mask.finish()) + agents.finish()) == 0

    def _genuine(self, file: IO[bytes], missing: Counter[bytes]) -> Iterator[bytes]:
        mask, agents = Mask(self._secrets), Agents()
        for piece in _pieces(file, self._most):
            if piece.startswith(PREFIX) and _is_known(piece, missing):
                yield agents.feed(mask.finish()) + agents.finish() + piece
            else:
                yield agents.feed(mask.feed(piece))
        yield agents.feed(mask.finish()) + agents.finish()

    def _replace(self, blocks: Iterator[bytes]) -> None:
        # imported late, as copying an agent's output does not need it
        from mlebench._support.folders import remove_tree

        partial = self._path.with_name(f".{self._path.name}.partial")
        remove_tree(partial)
        with append_plain(partial) as copy:
            for block in blocks:
                copy.write(block)
        partial.replace(self._path)

    def _write_output(self, text: bytes) -> None:
        if not text or self._left <= 0:
            return
        with self._lock:
            if self.size < self._size_before:
                self._size_before = 0
                self.note(_WENT_BACK)
            self._append(text[: self._left])
            self._left -= len(text)
            if self._left <= 0:
                # imported late, as it takes longer to load than everything else here
                from mlebench._support.quantities import show_size

                self.note(_CUT.format(show_size(self._largest)))

    def _append(self, text: bytes) -> None:
        try:
            with append_plain(self._path) as file:
                file.write(text)
                self._size_before = os.fstat(file.fileno()).st_size
        except OSError as error:
            if not self._is_broken:
                _log.warning("%s cannot be written (%s); it lacks lines from here on", self._path, error.strerror)
            self._is_broken = True

    def _ends_within_a_line(self) -> bool:
        # read from the file, as another process may have written to it
        try:
            with open_plain(self._path) as file:
                return file.seek(0, os.SEEK_END) > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
        except OSError:
            return False


def _is_known(line: bytes, missing: Counter[bytes]) -> bool:
    if missing[line] > 0:
        missing[line] -= 1
        return True
    return _OF_COPYING.fullmatch(line) is not None


def _pieces(file: IO[bytes], most: int) -> Iterator[bytes]:
    """About `most` bytes of a file: each line that looks like the harness's separately, and the text between them."""
    begins_a_line = True
    while most > 0 and (block := file.read(min(_BLOCK, most))):
        block += file.readline(_LONGEST_LINE)
        most -= len(block)
        place = 0
        for found in _HARNESS_LINE.finditer(block, 0 if begins_a_line else 1):
            if found.start() > place:
                yield block[place : found.start()]
            yield found[0]
            place = found.end()
        if place < len(block):
            yield block[place:]
        begins_a_line = block.endswith(b"\n")
