"""A run's log: what the agent printed, secrets masked, and what the harness has to say about the run."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from mlebench._support.quantities import show_size
from mlebench._support.secrets import mask

_LONGEST_LINE = 2**20


class RunLog:
    """Appends to `run.log`; may be used from several threads. A log that cannot be written ends no run."""

    def __init__(self, path: Path, secrets: tuple[str, ...] = (), largest: int = 256 * 2**20) -> None:
        """Args:
        path: the log.
        secrets: values to mask.
        largest: bytes of the agent's output that are kept.
        """
        self._path = path
        self._secrets = secrets
        self._left = largest
        self._largest = largest
        self._rest = b""
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
        line = f"[mlebench] {datetime.now(UTC):%Y-%m-%d %H:%M:%S} {text}\n"
        with self._lock:
            self._append(mask(line.encode("utf-8", "backslashreplace"), self._secrets))

    def copy(self, blocks: Iterable[bytes]) -> None:
        """Write the agent's output as it comes, in whole lines, so that no secret is cut in two."""
        for block in blocks:
            lines, newline, rest = (self._rest + block).rpartition(b"\n")
            self._rest = rest
            self._write_output(lines + newline)
            if len(self._rest) > _LONGEST_LINE:
                self.finish()

    def finish(self) -> None:
        """Write what is left of an unfinished line."""
        rest, self._rest = self._rest, b""
        self._write_output(rest + b"\n" if rest else b"")

    def _write_output(self, text: bytes) -> None:
        if not text or self._left <= 0:
            return
        masked = mask(text, self._secrets)
        with self._lock:
            self._append(masked[: self._left])
        self._left -= len(masked)
        if self._left <= 0:
            self.note(f"the agent printed more than {show_size(self._largest)}; the rest is not kept")

    def _append(self, text: bytes) -> None:
        with contextlib.suppress(OSError), self._path.open("ab") as file:
            file.write(text)
