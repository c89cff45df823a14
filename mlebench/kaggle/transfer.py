"""How downloads are made: how patiently, and how fast at most."""

from __future__ import annotations

import fcntl
import os
import struct
import tempfile
import time
import weakref
from dataclasses import dataclass
from pathlib import Path

from mlebench.kaggle.patience import PATIENCE

_FREE_AT = struct.Struct("d")
"""What the file holds: the time at which the next byte may leave, in seconds of the monotonic clock of this machine."""


class RateLimit:
    """A bandwidth that all downloads share, also those of processes that get this object pickled.

    They share a small temporary file, which is removed with the object that was made first.
    """

    def __init__(self, rate: float) -> None:
        """`rate` is in bytes a second."""
        self.rate = rate
        descriptor, name = tempfile.mkstemp(prefix="mlebench-rate-")
        os.close(descriptor)
        self._path = Path(name)
        self._path.write_bytes(_FREE_AT.pack(0.0))
        weakref.finalize(self, self._path.unlink, missing_ok=True)

    def take(self, count: int) -> None:
        """Wait until `count` bytes more are allowed."""
        with self._path.open("r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                now = time.monotonic()
                (free_at,) = _FREE_AT.unpack(os.pread(file.fileno(), _FREE_AT.size, 0))
                start = max(now, free_at)
                os.pwrite(file.fileno(), _FREE_AT.pack(start + count / self.rate), 0)
            finally:
                # a process that was forked meanwhile has the file open as well
                fcntl.flock(file, fcntl.LOCK_UN)
        time.sleep(start - now)


@dataclass(frozen=True)
class Transfer:
    """Settings of downloads."""

    patience: float = PATIENCE
    """Seconds of failures in a row after which a download gives up."""
    limit: RateLimit | None = None
