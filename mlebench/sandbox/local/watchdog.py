"""Holds an agent to its limits of memory, processes and disk by looking, where no kernel does; run by the keeper (see `leader`).

What counts: memory that processes have to themselves or share (a page of several processes once), huge pages, page tables, files
in memory (`/dev/shm` and such as have no name), threads, and what the agent keeps on disk (see `census`). It works for walls that
give the agent a list of processes of its own, so that none of them is missed. Standard library only.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mlebench.sandbox.local.census import Census, mapped_in_memory
from mlebench.sandbox.local.kernel_counts import at_most, exactly, fields, seconds_of

_PAUSE_SECONDS = 0.05
"""Between two counts of processes, which can double in as much; a count ends at the limit, so it is always cheap."""
_MEMORY_SECONDS, _DISK_SECONDS = 0.2, 5.0
_SLICE_SECONDS = 0.02
"""For which the disk is counted before all else is looked at again."""
_SHARE = 0.05
"""Of a processor that looking may take."""
_LEAST_FREE, _FEWEST_FREE, _MANY = 2**30, 10_000, 100_000
"""Bytes on the disk, and files that it can take, below which a run that wrote much, or many, is ended."""


class Limits(NamedTuple):
    """What an agent may have."""

    memory: int
    """Bytes."""
    pids: int
    """Processes, each of its threads counted."""
    disk: int
    """Bytes in the folders."""


class Excess(NamedTuple):
    """A limit that an agent has gone beyond, in the words of an outcome."""

    reason: str
    used: int
    """Bytes."""


class Watchdog:
    """Watches what is below one process. `look` is cheap, and to be called every `pause` seconds."""

    def __init__(self, leader: int, limits: Limits, folders: list[Path]) -> None:
        """Args:
        leader: number of the process below which the agent is.
        limits: what it may have.
        folders: those that it writes.
        """
        self.pause = _PAUSE_SECONDS
        self._excess: Excess | None = None
        self._peak_memory = 0
        self._disk: int | None = None
        self._cpu_seconds = 0.0
        self._leader = leader
        self._limits = limits
        self._folders = folders
        self._first: int | None = None
        self._next_memory = 0.0
        self._census: Census | None = None
        self._next_disk = self._earliest_disk = 0.0
        self._free_before, self._allowed = math.inf, 0
        self._in_mappings = 0

    @property
    def seen(self) -> dict[str, Any]:
        """What was seen so far, ready for JSON: `peak_memory_bytes`, `cpu_seconds`, and the limit that was exceeded first, if one
        was, with what the agent had then: `reason`, `used`. `disk_bytes` is what its folders held at the last count."""
        excess = {} if self._excess is None else self._excess._asdict()
        disk = {} if self._disk is None else {"disk_bytes": self._disk}
        return {"peak_memory_bytes": self._peak_memory, "cpu_seconds": round(self._cpu_seconds, 3), **disk, **excess}

    def look(self) -> bool:
        """Whether a limit is exceeded; raises nothing for what the agent does."""
        now = time.monotonic()
        first = self._first_process()
        excess = None
        if first is not None:
            root = Path(f"/proc/{first}/root")
            excess = self._look_at_number(root)
            if excess is None and now >= self._next_memory:
                begun = time.process_time()
                excess = self._look_at_memory(root)
                self._next_memory = now + max(_MEMORY_SECONDS, (time.process_time() - begun) / _SHARE)
        if excess is None:
            excess = self._look_at_disk(now)
        self._excess = self._excess or excess
        return excess is not None

    def end(self) -> None:
        """Kill the agent's first process, and the kernel ends all of its others with it."""
        if (first := self._first_process()) is not None:
            with contextlib.suppress(OSError):
                os.kill(first, signal.SIGKILL)

    def _first_process(self) -> int | None:
        """Process 1 of the agent's own list, by its number here; None before it has that list in place of this machine's."""
        if self._first is None or not _is_first(self._first):
            self._first = next((pid for pid in _below(self._leader, 4) if _is_first(pid) and _has_own_list(pid)), None)
        return self._first

    def _look_at_number(self, root: Path) -> Excess | None:
        """Before all else, and by their list alone: whoever starts others without end leaves no time for more."""
        count = len(_numbers(root / "proc", self._limits.pids + 1))
        return Excess("process-limit", count) if count > self._limits.pids else None

    def _look_at_memory(self, root: Path) -> Excess | None:
        """Memory, with threads and processor time, which are read at the same place."""
        pids = _numbers(root / "proc", self._limits.pids + 1)
        threads = use = 0
        for pid in pids:
            said = fields(root / "proc" / pid / "status")
            threads += said.get(b"Threads:", 0)
            use += at_most(said)
        if threads > self._limits.pids:
            return Excess("process-limit", threads)
        self._cpu_seconds = max(self._cpu_seconds, sum(seconds_of(root / "proc" / pid) for pid in pids))
        files = _files_in_memory(root, pids, self._in_mappings)
        use += files
        paths = [root / "proc" / pid for pid in pids]
        if use > self._limits.memory:
            if self._in_mappings:
                # it may have given them back since
                self._in_mappings = mapped_in_memory(paths)
                files = _files_in_memory(root, pids, self._in_mappings)
            use = exactly(paths, files)
        self._peak_memory = max(self._peak_memory, use)
        return Excess("out-of-memory", use) if use > self._limits.memory else None

    def _look_at_disk(self, now: float) -> Excess | None:
        """Begin a count where one is due, or go on with it."""
        if self._census is None:
            if now < self._next_disk and not (now >= self._earliest_disk and self._may_have_written_too_much()):
                return None
            self._free_before = _free(self._folders[0])[0]
            self._census = Census(self._folders, self._processes, self._limits.disk)
        census = self._census
        if not census.advance(_SLICE_SECONDS):
            return None
        self._census = None
        now = time.monotonic()
        self._next_disk = now + max(_DISK_SECONDS, census.seconds / _SHARE)
        self._earliest_disk = now + max(_DISK_SECONDS, census.seconds)
        self._allowed = self._limits.disk - census.size
        self._disk = census.size
        self._in_mappings = census.in_memory
        return self._judge(census)

    def _may_have_written_too_much(self) -> bool:
        """Whether the disk has lost more since the last count than the agent may still write, or is nearly full."""
        free, _ = _free(self._folders[0])
        return self._free_before - free > self._allowed or free < _LEAST_FREE

    def _judge(self, census: Census) -> Excess | None:
        if census.is_too_deep:
            return Excess("disk-unmeasured", census.size)
        if census.size > self._limits.disk:
            return Excess("disk-full", census.size)
        free, files = _free(self._folders[0])
        if free < _LEAST_FREE < census.size or (files < _FEWEST_FREE and census.entries > _MANY):
            return Excess("host-disk-full", census.size)
        return None

    def _processes(self) -> list[Path]:
        first = self._first_process()
        proc = Path(f"/proc/{first}/root/proc")
        return [] if first is None else [proc / pid for pid in _numbers(proc, self._limits.pids + 1)]


def _free(folder: Path) -> tuple[float, float]:
    """Bytes and files that a disk can still take; without end where that is not to be known."""
    with contextlib.suppress(OSError):
        found = os.statvfs(folder)
        # some file systems make room for files as they need it, and say 0
        return found.f_bavail * found.f_frsize, found.f_favail if found.f_files else math.inf
    return math.inf, math.inf


def _below(pid: int, generations: int) -> Iterator[int]:
    """Children of a process, theirs, and so on."""
    if generations:
        with contextlib.suppress(OSError, ValueError):
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
                yield int(child)
                yield from _below(int(child), generations - 1)


def _is_first(pid: int) -> bool:
    """Whether a process is the first one in a list of processes that is not ours."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_bytes().splitlines():
            if line.startswith(b"NSpid:"):
                numbers = line.split()[1:]
                return len(numbers) > 1 and numbers[-1] == b"1"
    return False


def _has_own_list(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/root/proc").stat().st_dev != Path("/proc").stat().st_dev
    return False


def _numbers(proc: Path, most: int) -> list[str]:
    """Numbers of the processes in a list, at most so many."""
    try:
        with os.scandir(proc) as entries:
            return list(itertools.islice((entry.name for entry in entries if entry.name.isdigit()), most))
    except OSError:
        return []


def _files_in_memory(root: Path, pids: list[str], in_mappings: int) -> int:
    """Bytes of `/dev/shm`, and of files in memory that have no name but a descriptor, or a mapping, as was counted before."""
    size = shared = 0
    with contextlib.suppress(OSError):
        found = os.statvfs(root / "dev/shm")
        shared = (found.f_blocks - found.f_bfree) * found.f_frsize
    seen: set[tuple[int, int]] = set()
    for pid in pids:
        folder = root / "proc" / pid / "fd"
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    path = Path(entry.path)
                    if str(path.readlink()).startswith("/memfd:"):
                        status = path.stat()
                        if (status.st_dev, status.st_ino) not in seen:
                            seen.add((status.st_dev, status.st_ino))
                            size += status.st_blocks * 512
    return shared + max(size, in_mappings)
