"""A run's log: what the agent printed, secrets masked, and what the harness has to say about the run."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mlebench._support.plain_files import append_plain
from mlebench._support.quantities import show_size
from mlebench._support.secrets import Mask

_log = logging.getLogger(__name__)


class RunLog:
    """Appends to `run.log`; may be used from several threads. A log that cannot be written ends no run."""

    def __init__(self, path: Path, secrets: Sequence[str] = (), largest: int = 256 * 2**20) -> None:
        """Args:
        path: the log.
        secrets: values to mask.
        largest: bytes of the agent's output that are kept.
        """
        self._path = path
        self._mask = Mask(secrets) if secrets else None
        self._left = largest
        self._largest = largest
        self._line_is_open = False
        self._is_broken = False
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes written so far, by anyone."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def rewind(self, size: int) -> None:
        """Cut the log to `size` bytes: what comes after is read from the engine anew."""
        with contextlib.suppress(OSError), self._path.open("r+b") as file:
            if size < self.size:
                file.truncate(size)

    def note(self, text: str) -> None:
        """Write a line of the harness."""
        line = f"[mlebench] {datetime.now(UTC):%Y-%m-%d %H:%M:%S} {text}\n".encode("utf-8", "backslashreplace")
        masked = self._mask.apply(line) if self._mask else line
        with self._lock:
            self._append((b"\n" if self._line_is_open else b"") + masked)
            self._line_is_open = False

    def copy(self, blocks: Iterable[bytes]) -> None:
        """Write the agent's output as it comes; a secret that a block's end cuts in two is masked, too."""
        for block in blocks:
            self._write_output(self._mask.feed(block) if self._mask else block)

    def finish(self) -> None:
        """The agent's output is complete: write what was held back, and end its last line."""
        self._write_output(self._mask.finish() if self._mask else b"")
        if self._line_is_open:
            self._write_output(b"\n")

    def _write_output(self, text: bytes) -> None:
        if not text or self._left <= 0:
            return
        with self._lock:
            self._append(text[: self._left])
            self._line_is_open = not text[: self._left].endswith(b"\n")
        self._left -= len(text)
        if self._left <= 0:
            self.note(f"the agent printed more than {show_size(self._largest)}; the rest is not kept")

    def _append(self, text: bytes) -> None:
        try:
            with append_plain(self._path) as file:
                file.write(text)
        except OSError as error:
            if not self._is_broken:
                _log.warning("%s cannot be written (%s); it lacks lines from here on", self._path, error.strerror)
            self._is_broken = True
