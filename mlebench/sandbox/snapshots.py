"""Copies of a submission while the agent is still at work, so that its score over time can be graded later."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from mlebench._support.plain_files import open_plain
from mlebench._support.secrets import mask_stream
from mlebench.sandbox.failure_streak import FailureStreak

_SETTLED_SECONDS = 2.0
_LARGEST = 4 * 2**30
"""Bytes; a larger submission is not copied again and again."""
_BLOCK = 2**20


class Snapshots:
    """Keeps a changed, complete submission as `snapshots/<hhmmss>.csv`, named by the time since the run started."""

    def __init__(
        self, folder: Path, every: float, started: float, note: Callable[[str], None], secrets: tuple[str, ...] = ()
    ) -> None:
        """Args:
        folder: the run's `snapshots/`.
        every: seconds between two looks; 0 never looks.
        started: Unix time at which the agent started.
        note: receives a sentence for the run's log where copies cannot be kept.
        secrets: values that are masked in every copy.
        """
        self._copying = FailureStreak("no snapshots of the submission are kept", note)
        self._folder = folder
        self._secrets = secrets
        self._every = every
        self._started = started
        self._next_look = started + every if every else float("inf")
        self._last_digest = self._digest_of_newest()

    def due(self) -> bool:
        """Whether it is time for the next look."""
        return time.time() >= self._next_look

    def take(self, submission: Path, within: Path | None = None) -> Path | None:
        """Keep a copy of `submission` if it differs from the last one and nobody is writing it.

        Args:
            submission: the file, if it is there and is one.
            within: a folder of ours above it, see `open_plain`.

        Returns:
            the copy, or None when there is nothing new.
        """
        now = time.time()
        self._next_look = now + self._every
        try:
            file = open_plain(submission, within)
        except OSError:
            # the agent may put anything there, and take it away
            return None
        target = self._folder / f"{_clock(now - self._started)}.csv"
        partial = target.with_suffix(".partial")
        try:
            with file:
                digest = self._copy_settled(file, partial, now)
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

    def _copy_settled(self, source: IO[bytes], target: Path, now: float) -> str | None:
        """Copy a file that was not touched for a while; its digest, or None when it is empty, huge or being written."""
        before = os.fstat(source.fileno())
        settled = now - before.st_mtime >= _SETTLED_SECONDS
        if not (0 < before.st_size <= _LARGEST and settled):
            return None
        target.parent.mkdir(exist_ok=True)
        with target.open("wb") as copy:
            for block in mask_stream(_blocks(source, before.st_size), self._secrets):
                copy.write(block)
        after = os.fstat(source.fileno())
        changed_meanwhile = (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size)
        return None if changed_meanwhile else _digest(target)

    def _digest_of_newest(self) -> str | None:
        try:
            kept = sorted(self._folder.glob("*.csv"), key=lambda path: (len(path.name), path.name))
            return _digest(kept[-1]) if kept else None
        except OSError:
            return None


def _blocks(source: IO[bytes], size: int) -> Iterator[bytes]:
    """At most `size` bytes: the file may grow meanwhile."""
    while size > 0 and (block := source.read(min(_BLOCK, size))):
        size -= len(block)
        yield block


def _clock(seconds: float) -> str:
    whole = max(0, int(seconds))
    return f"{whole // 3600:02d}{whole % 3600 // 60:02d}{whole % 60:02d}"


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open_plain(path) as file:
        for block in _blocks(file, _LARGEST):
            digest.update(block)
    return digest.hexdigest()
