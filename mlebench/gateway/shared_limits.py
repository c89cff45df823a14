"""Limits that all runs of a machine share, across the harnesses of one user: calls at once, calls and tokens a minute.

A call at once is a locked file, which the operating system gives back when its holder dies. What was called in the last minute
stands in a small file by seconds of the machine's clock since it started, so that in no minute there is more than the limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import hashlib
import json
import logging
import os
import random
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

from mlebench._support.paths import make_private, socket_dir
from mlebench.errors import UsageError
from mlebench.gateway.models import SharedLimits

_Counts = dict[int, tuple[int, int]]
"""Calls and tokens by second."""
Taken = TypeVar("Taken")
Waiting = Callable[[float | None], None]
"""Told how many seconds a call will wait at least, when it begins to wait, and None when it goes on or gives up."""

_log = logging.getLogger("mlebench")
_MINUTE = 60
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.25
_LARGEST_FILE = 2**16
_TRIES, _TRY_SECONDS = 20, 0.001
_turns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Lock]] = weakref.WeakKeyDictionary()


class Place:
    """The right to make one call."""

    def __init__(self, minute: _Minute | None, second: int, expected_tokens: int) -> None:
        self._minute, self._second, self._counted = minute, second, max(0, expected_tokens)

    def used(self, tokens: int) -> None:
        """Correct what the call was expected to use, input and output together; 0 for one that failed."""
        if self._minute is not None:
            self._minute.correct(self._second, max(0, tokens) - self._counted)
            self._counted = max(0, tokens)


@contextlib.asynccontextmanager
async def shared(provider: str, limits: SharedLimits, expected_tokens: int, waiting: Waiting) -> AsyncIterator[Place]:
    """A place among the calls of this machine; waits for one, in order among the calls of this process.

    Where no files can be kept, calls are not limited, and the log says so once.

    Args:
        provider: whose limits these are; see `Model.limits_name`.
        limits: the same for everybody who asks under that name.
        expected_tokens: of the call, input and output together; see `Place.used`.
        waiting: see `Waiting`.
    """
    folder = _folder() if limits != SharedLimits() else None
    if folder is None:
        yield Place(None, 0, 0)
        return
    name = hashlib.sha256(provider.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    minute = _Minute(folder / f"{name}.json", limits)
    with contextlib.ExitStack() as held:
        pause = _Pause(waiting)
        try:
            turn = _turn(str(folder / name))
            if turn.locked():
                pause.begin(0.0)
            async with turn:
                if limits.calls_at_once is not None:
                    slots = [folder / f"{name}.{number}.lock" for number in range(limits.calls_at_once)]
                    held.callback(_give_back, await _acquire(functools.partial(_slot, slots), pause))
                second = await _acquire(functools.partial(minute.take, expected_tokens), pause)
        finally:
            pause.end()
        yield Place(minute, second, expected_tokens)


async def _acquire(take: Callable[[], Taken | _Later], pause: _Pause) -> Taken:
    """What `take` gives, as soon as it gives something."""
    while isinstance(found := take(), _Later):
        await pause.step(found.seconds)
    return found


class _Later(NamedTuple):
    """Not now."""

    seconds: float = 0.0
    """At least so long."""


class _Pause:
    """Waits in steps that grow, and says that it does."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._is_waiting = False
        self._next = _FIRST_PAUSE

    def begin(self, seconds: float) -> None:
        if not self._is_waiting:
            self._is_waiting = True
            self._waiting(seconds)

    def end(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            self._waiting(None)

    async def step(self, seconds: float) -> None:
        self.begin(seconds)
        await asyncio.sleep(self._next)
        self._next = min(self._next * 1.5, _LONGEST_PAUSE)


class _Minute:
    """What was called in the last minute, in a file of `[second, calls, tokens]`."""

    def __init__(self, path: Path, limits: SharedLimits) -> None:
        self._path = path
        self._calls, self._tokens = limits.calls_per_minute, limits.tokens_per_minute

    def take(self, tokens: int) -> int | _Later:
        """Count a call now, if it fits; returns the second it is counted in. One beyond the limit fits into an empty minute."""
        if self._calls is None and self._tokens is None:
            return 0
        needed = (1, min(max(0, tokens), self._tokens) if self._tokens is not None else max(0, tokens))
        try:
            with _locked(self._path) as file:
                now = _seconds()
                counts = _read(file, now)
                if later := self._seconds_until(counts, needed, now):
                    return _Later(later)
                _add(counts, now, *needed)
                _write(file, counts)
                return now
        except BlockingIOError:
            return _Later()
        except OSError as error:
            _say_unusable(self._path.parent, error.strerror or str(error))
            return 0

    def correct(self, second: int, tokens: int) -> None:
        """Count more or fewer tokens for a call that was counted in `second`."""
        if tokens == 0 or self._tokens is None:
            return
        for _ in range(_TRIES):
            try:
                with _locked(self._path) as file:
                    now = _seconds()
                    counts = _read(file, now)
                    if second in counts or tokens > 0:
                        _add(counts, second if second in counts else now, 0, tokens)
                        _write(file, counts)
                    return
            except BlockingIOError:
                time.sleep(_TRY_SECONDS)
            except OSError:
                return

    def _seconds_until(self, counts: _Counts, needed: tuple[int, int], now: int) -> float:
        """Seconds until the call fits; 0 where it does."""
        limits = (self._calls, self._tokens)
        wait = 0.0
        for which, limit in enumerate(limits):
            total = sum(count[which] for count in counts.values())
            for second in sorted(counts):
                if limit is None or total + needed[which] <= limit or total == 0:
                    break
                total -= counts[second][which]
                wait = max(wait, second + _MINUTE + 1 - now)
        return wait


def _read(file: IO[bytes], now: int) -> _Counts:
    """The counts of the last minute; what is not a count, and what a clock that was set back left in the future, is none."""
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        counts = {}
        for second, calls, tokens in json.loads(file.read(_LARGEST_FILE)):
            is_whole = all(isinstance(number, int) and 0 <= number < 2**53 for number in (second, calls, tokens))
            if is_whole and now - _MINUTE <= second <= now:
                counts[second] = (calls, tokens)
        return counts
    return {}


def _write(file: IO[bytes], counts: _Counts) -> None:
    content = json.dumps([[second, *counts[second]] for second in sorted(counts)]).encode()
    os.pwrite(file.fileno(), content, 0)
    os.ftruncate(file.fileno(), len(content))


def _add(counts: _Counts, second: int, calls: int, tokens: int) -> None:
    before = counts.get(second, (0, 0))
    counts[second] = (before[0] + calls, max(0, before[1] + tokens))


def _seconds() -> int:
    """Of a clock that all processes share and nobody sets."""
    return int(time.clock_gettime(time.CLOCK_MONOTONIC))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    """The file, locked.

    Raises:
        BlockingIOError: another process has locked it.
        OSError: it cannot be made.
    """
    file = _opened(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield file
    finally:
        _give_back(file)


def _slot(slots: list[Path]) -> IO[bytes] | _Later | None:
    """One of the slots, locked; None where they cannot be used."""
    first = random.randrange(len(slots))
    for path in (*slots[first:], *slots[:first]):
        try:
            file = _opened(path)
        except OSError as error:
            _say_unusable(path.parent, error.strerror or str(error))
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            file.close()
    return _Later()


def _give_back(file: IO[bytes] | None) -> None:
    if file is not None:
        # a process that was forked meanwhile has the file open as well
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)
        file.close()


def _opened(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "r+b", buffering=0)


def _folder() -> Path | None:
    """The folder of limits, which is this user's alone."""
    folder = socket_dir() / "limits"
    try:
        make_private(folder.parent)
        make_private(folder)
    except (UsageError, OSError) as error:
        _say_unusable(folder, str(error))
        return None
    return folder


def _turn(name: str) -> asyncio.Lock:
    """Held by the call of this process that waits longest, in this loop."""
    return _turns.setdefault(asyncio.get_running_loop(), {}).setdefault(name, asyncio.Lock())


@functools.cache
def _say_unusable(folder: Path, why: str) -> None:
    _log.warning("cannot keep the limits that runs share in %s (%s), so they are not enforced; remove it", folder, why)
