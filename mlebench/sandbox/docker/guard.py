"""Enforces a running container's limits on disk and processes, and measures its usage; `handle` enforces the time limit.

The engine's kernel limits memory, CPU and the number of processes, unless the engine's traits say otherwise, but not written
bytes. So a run whose usage is no longer reported continues, with a note in its log, and a run whose written bytes can no longer
be measured is ended.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlebench._support.hints import alternatives
from mlebench._support.quantities import show_duration, show_size
from mlebench.profiles import Profile
from mlebench.sandbox.base import FailureClass, Measured
from mlebench.sandbox.docker.engine import failures, summary
from mlebench.sandbox.failure_streak import FailureStreak

_STATISTICS_FIRST, _STATISTICS_EVERY = 0.25, 5.0
"""Seconds between two measurements; short at first, so that short runs are measured, too."""
_SIZE_EVERY = 120.0
_LEAST_FREE = 2 * 2**30
"""Free bytes on the engine's disk below which a run that wrote much is stopped."""
_PROMPT_SECONDS = 0.5
"""Seconds to wait for an answer that an engine usually has ready."""
_STUCK_SECONDS = 60.0
"""Seconds at the process limit after which a run no longer makes progress."""
_UNMEASURED_SECONDS = 300.0
"""Seconds for which a run continues while its written bytes cannot be measured."""


@dataclass(frozen=True)
class Excess:
    """A limit that a run has exceeded."""

    reason: str
    detail: str
    failure_class: FailureClass = "agent"


class Uncountable(ValueError):
    """The engine gave up counting an agent's files, such as those below folders with too long a path."""


class _Question:
    """Queries in the background how much a container wrote."""

    def __init__(self, ask: Callable[[], int], now: float) -> None:
        self.asked_at = now
        self.size = 0
        self.error: BaseException | None = None
        self._ask = ask
        self._thread = threading.Thread(target=self._wait, name="size of a container", daemon=True)
        self._thread.start()

    def is_answered(self, seconds: float) -> bool:
        """Whether an answer arrives within some seconds."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _wait(self) -> None:
        try:
            self.size = self._ask()
        except failures() as error:
            self.error = error


@dataclass
class Guard:
    """One container's usage of disk, processes, memory and CPU. `look` is cheap and may be called every second."""

    client: Any
    container_id: str
    profile: Profile
    engine_root: Path | None
    """The engine's storage, to check how full its disk is; None if it is not on this machine."""
    note: Callable[[str], None]
    """Receives a sentence for the run's log."""
    not_enforced: tuple[str, ...] = ()
    """Limits that the engine does not enforce."""
    stuck_seconds: float = _STUCK_SECONDS
    usage: dict[str, Any] = field(default_factory=dict)
    """Measured so far: `cpu_seconds`, `peak_memory_bytes`, `peak_processes`, `disk_bytes`; `uncounted` lists what was not."""
    latest: Measured = field(default_factory=Measured)
    """The latest measurement; empty if it failed."""
    _pause: float = _STATISTICS_FIRST
    _next_statistics: float = 0.0
    _next_size: float = 0.0
    _next_scarce: float = 0.0
    _free_at_size: int | None = None
    _full_since: float | None = None
    _question: _Question | None = None

    def __post_init__(self) -> None:
        self._counting = FailureStreak(
            f"the engine provides no statistics: memory, CPU and processes are not measured; {_still_limited(self.not_enforced)}",
            self._note_uncounted,
        )
        self._measuring = FailureStreak(
            "the engine does not report how much was written: the limit on it is not enforced", self.note
        )

    def look(self) -> Excess | None:
        """Measure; returns the exceeded limit, if any. Engine failures raise nothing."""
        now = time.monotonic()
        excess = self._look_at_disk(now)
        if excess is None and now >= self._next_statistics:
            excess = self._look_at_processes(now)
        return excess

    def _note_uncounted(self, sentence: str) -> None:
        self.usage.setdefault("uncounted", sentence)
        self.note(sentence)

    def _look_at_disk(self, now: float) -> Excess | None:
        free = self._free()
        is_first = self._question is None
        if self._question is None:
            shrunk = free is not None and self._free_at_size is not None and self._free_at_size - free > self.profile.disk / 20
            scarce = free is not None and free < _LEAST_FREE and now >= self._next_scarce
            if not (shrunk or scarce or now >= self._next_size):
                return None
            self._question = _Question(self._size, now)
        if not self._question.is_answered(_PROMPT_SECONDS if is_first else 0.0):
            # an engine takes a minute to count a million files, while the limits on time and processes must still be enforced
            return None
        question, self._question = self._question, None
        if question.error is not None:
            return self._size_unknown(now, question.error, free)
        return self._size_known(now - question.asked_at, now, question.size, free)

    def _size_known(self, took: float, now: float, size: int, free: int | None) -> Excess | None:
        self._measuring.succeeded()
        self._free_at_size = free
        # the engine takes a while to count the files of a large container
        took = max(took, time.monotonic() - now)
        self._next_size = now + max(_SIZE_EVERY, 20 * took)
        self._next_scarce = now + max(_STATISTICS_EVERY, 5 * took)
        self.usage["disk_bytes"] = size
        if size > self.profile.disk:
            return Excess("disk-full", f"wrote {show_size(size)}, more than its {show_size(self.profile.disk)} of disk")
        if free is not None and free < _LEAST_FREE and size > _LEAST_FREE // 4:
            detail = f"the engine's disk is full, and it had written {show_size(size)} of it"
            return Excess("host-disk-full", detail, "infrastructure")
        return None

    def _size_unknown(self, now: float, error: BaseException, free: int | None) -> Excess | None:
        self._measuring.failed(summary(error))
        # sooner than after a success, but never so often that it crowds out everything else
        self._next_size = self._next_scarce = now + max(_STATISTICS_EVERY, 2 * (time.monotonic() - now))
        is_its_tree = isinstance(error, Uncountable) or (_is_timeout(error) and self._answers())
        if is_its_tree and free is not None and self._free_at_size is not None:
            shrunk = self._free_at_size - free
            if shrunk > self.profile.disk or free < _LEAST_FREE:
                detail = f"created folders that the engine cannot count, while {show_size(shrunk)} of its disk were filled"
                return Excess("disk-full", detail)
        elif not is_its_tree:
            self._free_at_size = None
        if self._measuring.failing_seconds < _UNMEASURED_SECONDS:
            return None
        lasting = show_duration(_UNMEASURED_SECONDS)
        if is_its_tree:
            detail = (
                f"created so many files, or nested them so deeply, that the engine could not count them for {lasting}, so its "
                f"limit "
                "on disk could not be enforced"
            )
            return Excess("disk-unmeasured", detail)
        detail = (
            f"the engine did not report for {lasting} how much it had written ({self._measuring.error}), so its limit on disk "
            f"could "
            "not be enforced; `mlebench doctor` examines the engine"
        )
        return Excess("disk-unmeasured", detail, "infrastructure")

    def _look_at_processes(self, now: float) -> Excess | None:
        self._pause = min(_STATISTICS_EVERY, 2 * self._pause)
        try:
            statistics = self.client.api.stats(self.container_id, stream=False, one_shot=True)
        except failures() as error:
            self._counting.failed(summary(error))
            self.latest = Measured()
            self._next_statistics = now + max(self._pause, 2 * (time.monotonic() - now))
            self._full_since = None
            return None
        self._counting.succeeded()
        self._next_statistics = now + self._pause
        self._count(statistics)
        processes = (statistics.get("pids_stats") or {}).get("current", 0)
        if processes < self.profile.pids:
            self._full_since = None
            return None
        self._full_since = self._full_since or now
        if now - self._full_since < self.stuck_seconds:
            return None
        return Excess("process-limit", f"stayed at its limit of {self.profile.pids} processes and made no more progress")

    def _count(self, statistics: dict[str, Any]) -> None:
        memory = statistics.get("memory_stats") or {}
        details = memory.get("stats") or {}
        cache = details.get("inactive_file", details.get("total_inactive_file", 0))
        used = max(0, memory.get("usage", 0) - cache)
        nanoseconds = ((statistics.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage", 0)
        cpu_seconds = round(nanoseconds / 1e9, 3)
        processes = (statistics.get("pids_stats") or {}).get("current", 0)
        self._keep_largest("peak_memory_bytes", used)
        self._keep_largest("cpu_seconds", cpu_seconds)
        self._keep_largest("peak_processes", processes)
        # an engine without control groups reports 0 for unknown values
        self.latest = Measured(cpu_seconds or None, used or None, processes or None, self.usage.get("disk_bytes"))

    def _keep_largest(self, key: str, value: float) -> None:
        if value > self.usage.get(key, 0):
            self.usage[key] = value

    def _size(self) -> int:
        found = self.client.api.containers(all=True, size=True, filters={"id": self.container_id})
        size = int(found[0].get("SizeRw") or 0) if found else 0
        if size < 0:
            raise Uncountable("it cannot be counted")
        return size

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except failures():
            return False

    def _free(self) -> int | None:
        if self.engine_root is None:
            return None
        try:
            file_system = os.statvfs(self.engine_root)
        except OSError:
            return None
        return file_system.f_bavail * file_system.f_frsize


def _is_timeout(error: BaseException) -> bool:
    from requests.exceptions import Timeout

    return isinstance(error, Timeout)


def _still_limited(not_enforced: Sequence[str]) -> str:
    if not not_enforced:
        return "the kernel still limits them"
    return f"nothing limits {alternatives(not_enforced)} here"
