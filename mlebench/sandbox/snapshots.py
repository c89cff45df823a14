"""Copies of a submission while the agent is still running, so that its score over time can be graded later.

They count towards a run's limit on output, of which they may take at most half. Beyond that they are thinned out: the first, the
last and others evenly in between are kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mlebench._support.plain_files import open_plain
from mlebench._support.secrets import mask_stream
from mlebench.sandbox.failure_streak import FailureStreak
from mlebench.sandbox.run_clock import RunClock
from mlebench.sandbox.sparse import write_sparse

_SETTLED_SECONDS = 2.0
_LARGEST = 4 * 2**30
"""Bytes; a larger submission is not copied repeatedly."""
_MOST = 500
"""Each is graded later."""
_BLOCK = 2**20
LOOK_SECONDS = 20.0
"""Most seconds per check, as the limits on time, disk and processes wait meanwhile."""
_SHARE = 10
"""After a slow check, the next one waits this many times its duration."""


@dataclass(frozen=True)
class Version:
    """Distinguishes two states of a file without reading it."""

    size: int
    """Bytes."""
    modified: float
    """Unix time."""


class Submission(Protocol):
    """The submission of a running run."""

    def version(self) -> Version | None:
        """Its current state; None if it is not a plain file.

        Raises:
            OSError: it cannot be accessed.
        """
        ...

    def blocks(self) -> AbstractContextManager[Iterator[bytes]]:
        """Its content.

        Raises:
            OSError: it cannot be read.
        """
        ...


@dataclass(frozen=True)
class PlainSubmission:
    """A submission in a folder of this machine."""

    path: Path
    within: Path | None = None
    """A trusted folder above it, see `open_plain`."""

    def version(self) -> Version | None:
        """Its current state; None if the agent put something else there."""
        try:
            with open_plain(self.path, self.within) as file:
                status = os.fstat(file.fileno())
        except OSError:
            return None
        return Version(status.st_size, status.st_mtime)

    @contextlib.contextmanager
    def blocks(self) -> Iterator[Iterator[bytes]]:
        """Its content."""
        with open_plain(self.path, self.within) as file:
            yield iter(lambda: file.read(_BLOCK), b"")


class Snapshots:
    """Keeps each changed, complete submission as `snapshots/<hhmmss>.csv`, named by the time since the run started."""

    def __init__(
        self,
        folder: Path,
        every: float,
        clock: RunClock,
        max_output: int,
        note: Callable[[str], None],
        secrets: tuple[str, ...] = (),
    ) -> None:
        """Args:
        folder: the run's `snapshots/`.
        every: seconds between two checks; 0 never checks.
        clock: the run's clock.
        max_output: limit of a run's total output in bytes.
        note: receives a sentence for the run's log if copies cannot be kept.
        secrets: values to mask in every copy.
        """
        self._copying = FailureStreak("no snapshots of the submission are kept", note)
        self._folder = folder
        self._secrets = secrets
        self._every = every
        self._clock = clock
        self._most_bytes = max_output // 2
        self._next_look = clock.elapsed + every if every else float("inf")
        self._seen: Version | None = None
        self._last_digest: str | None = None

    def due(self) -> bool:
        """Whether it is time for the next check."""
        return self._clock.elapsed >= self._next_look

    def take(self, submission: Submission) -> Path | None:
        """Keep a copy of `submission` if it differs from the last one and is not being written.

        A submission unchanged since the last check is not read.

        Returns:
            the copy, or None if there is nothing new.
        """
        began = time.monotonic()
        kept = None
        try:
            version = submission.version()
            if version is not None and self._is_worth_reading(version):
                kept = self._keep(submission, version, began + LOOK_SECONDS)
        except OSError as error:
            self._copying.failed(error.strerror or str(error))
        else:
            self._copying.succeeded()
        self._next_look = self._clock.elapsed + max(self._every, _SHARE * (time.monotonic() - began))
        return kept

    def _is_worth_reading(self, version: Version) -> bool:
        # a future time was set deliberately, or the clock was set back: nothing is writing right now
        is_settled = abs(time.time() - version.modified) >= _SETTLED_SECONDS
        return is_settled and version != self._seen and 0 < version.size <= min(_LARGEST, self._most_bytes)

    def _keep(self, submission: Submission, version: Version, end: float) -> Path | None:
        target = self._folder / f"{_clock(self._clock.elapsed)}.csv"
        partial = target.with_suffix(".partial")
        target.parent.mkdir(exist_ok=True)
        partial.unlink(missing_ok=True)
        try:
            with submission.blocks() as blocks:
                bounded = _bounded(blocks, version.size, end)
                digest = hashlib.sha256()
                size = write_sparse(_hashed(mask_stream(bounded, self._secrets), digest), partial)
            if submission.version() != version:
                # it was changed meanwhile
                return None
            self._seen = version
            if digest.hexdigest() == (self._last_digest or self._digest_of_newest(size)):
                return None
            partial.replace(target)
            self._last_digest = digest.hexdigest()
        except TimeoutError:
            # ignored until it changes
            self._seen = version
            raise
        finally:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
        self._thin_out()
        return target

    def _thin_out(self) -> None:
        kept = sorted(_kept(self._folder))
        while len(kept) > 1 and (len(kept) > _MOST or sum(size for _, size, _ in kept) > self._most_bytes):
            inner = range(1, len(kept) - 1)
            closest = min(inner, key=lambda place: kept[place + 1][0] - kept[place - 1][0], default=0)
            kept.pop(closest)[2].unlink(missing_ok=True)

    def _digest_of_newest(self, size: int) -> str | None:
        """Digest of the newest copy, which an earlier harness may have kept, if it has the size of the new one."""
        newest = max(_kept(self._folder), default=None)
        if newest is None or newest[1] != size:
            return None
        digest = hashlib.sha256()
        with contextlib.suppress(OSError), open_plain(newest[2]) as file:
            for _ in _hashed(iter(lambda: file.read(_BLOCK), b""), digest):
                pass
        return digest.hexdigest()


def seconds_of(snapshot: Path) -> int | None:
    """Seconds from the agent's start to a snapshot, from its name, such as `013000.csv` for 1 h 30 min; None for other files.

    Hours may have more than two digits.
    """
    name = snapshot.stem
    if not (name.isascii() and name.isdigit() and len(name) >= 6):
        return None
    return int(name[:-4]) * 3600 + int(name[-4:-2]) * 60 + int(name[-2:])


def kept_bytes(folder: Path) -> int:
    """Bytes of the snapshots in a folder, including holes."""
    return sum(size for _, size, _ in _kept(folder))


def _kept(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """Seconds since the start, size and path of each."""
    with contextlib.suppress(OSError):
        for path in list(folder.glob("*.csv")):
            status = path.lstat()
            seconds = seconds_of(path)
            if stat.S_ISREG(status.st_mode) and seconds is not None:
                yield seconds, status.st_size, path


def _bounded(blocks: Iterator[bytes], size: int, end: float) -> Iterator[bytes]:
    """At most `size` bytes, as the file may grow meanwhile, and only until the time `end`."""
    for block in blocks:
        if time.monotonic() > end:
            raise TimeoutError(f"it cannot be copied within {LOOK_SECONDS:g} s")
        yield block[:size]
        size -= len(block)
        if size <= 0:
            return


def _hashed(blocks: Iterator[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for block in blocks:
        digest.update(block)
        yield block


def _clock(seconds: float) -> str:
    whole = max(0, int(seconds))
    return f"{whole // 3600:02d}{whole % 3600 // 60:02d}{whole % 60:02d}"
