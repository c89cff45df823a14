"""Copies of a submission while the agent is still at work, so that its score over time can be graded later."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from mlebench.sandbox.failure_streak import FailureStreak

_SETTLED_SECONDS = 2.0
_LARGEST = 4 * 2**30
"""Bytes; a larger submission is not copied again and again."""


class Snapshots:
    """Keeps a changed, complete submission as `snapshots/<hhmmss>.csv`, named by the time since the run started."""

    def __init__(self, folder: Path, every: float, started: float, note: Callable[[str], None]) -> None:
        """Args:
        folder: the run's `snapshots/`.
        every: seconds between two looks; 0 never looks.
        started: Unix time at which the agent started.
        note: receives a sentence for the run's log where copies cannot be kept.
        """
        self._copying = FailureStreak("no snapshots of the submission are kept", note)
        self._folder = folder
        self._every = every
        self._started = started
        self._next_look = started + every if every else float("inf")
        self._last_digest = self._digest_of_newest()

    def due(self) -> bool:
        """Whether it is time for the next look."""
        return time.time() >= self._next_look

    def take(self, submission: Path) -> Path | None:
        """Keep a copy of `submission` if it differs from the last one and nobody is writing it.

        Returns:
            the copy, or None when there is nothing new.
        """
        now = time.time()
        self._next_look = now + self._every
        file = _open_plain(submission)
        if file is None:
            return None
        target = self._folder / f"{_clock(now - self._started)}.csv"
        partial = target.with_suffix(".partial")
        try:
            with file:
                digest = _copy_settled(file, partial, now)
            is_new = digest is not None and digest != self._last_digest
            if is_new:
                partial.replace(target)
        except OSError as error:
            self._copying.failed(str(error))
            return None
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
        self._copying.succeeded()
        if not is_new:
            return None
        self._last_digest = digest
        return target

    def missed(self, error: str) -> None:
        """The submission could not be looked at this time."""
        self._next_look = time.time() + self._every
        self._copying.failed(error)

    def _digest_of_newest(self) -> str | None:
        kept = sorted(self._folder.glob("*.csv"), key=lambda path: (len(path.name), path.name))
        return _digest(kept[-1]) if kept else None


def _open_plain(path: Path) -> IO[bytes] | None:
    """A plain file of the agent's, opened; None when there is none."""
    try:
        # the agent may put a link or a pipe there: neither is followed nor waited for
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")
    except OSError:
        return None


def _copy_settled(source: IO[bytes], target: Path, now: float) -> str | None:
    """Copy a file that was not touched for a while; its digest, or None when it is being written or no file at all."""
    before = os.fstat(source.fileno())
    settled = now - before.st_mtime >= _SETTLED_SECONDS
    if not (stat.S_ISREG(before.st_mode) and 0 < before.st_size <= _LARGEST and settled):
        return None
    target.parent.mkdir(exist_ok=True)
    with target.open("wb") as copy:
        shutil.copyfileobj(source, copy, 2**20)
    after = os.fstat(source.fileno())
    changed_meanwhile = (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size)
    return None if changed_meanwhile else _digest(target)


def _clock(seconds: float) -> str:
    whole = max(0, int(seconds))
    return f"{whole // 3600:02d}{whole % 3600 // 60:02d}{whole % 60:02d}"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
