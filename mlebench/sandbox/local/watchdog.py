"""Enforces an agent's limits on memory, processes and disk by watching, if the kernel does not; run by the keeper (see `leader`).

It counts private and shared memory of processes (a shared page once), huge pages, page tables, files in memory (`/dev/shm` and
unlinked ones), threads, and what the agent keeps on disk (see `census`). It works for walls with a separate PID namespace, so
that no process is missed. Standard library only.
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
"""Seconds between two counts of processes, which can double in that time; a count ends at the limit, so it is always cheap."""
_MEMORY_SECONDS, _DISK_SECONDS = 0.2, 5.0
_SLICE_SECONDS = 0.02
"""Seconds of counting the disk before everything else is checked again."""
_SHARE = 0.05
"""Share of a CPU that watching may take."""
_LEAST_FREE, _FEWEST_FREE, _MANY = 2**30, 10_000, 100_000
"""Free bytes and free inodes on the disk below which a run that wrote much, or many files, is ended."""


class Limits(NamedTuple):
    """An agent's limits."""

    memory: int
    """Bytes."""
    pids: int
    """Processes, counting each thread."""
    disk: int
    """Bytes in the folders."""


class Excess(NamedTuple):
    """A limit that an agent has exceeded, with the reason used in outcomes."""

    reason: str
    used: int
    """Bytes."""


class Watchdog:
    """Watches the descendants of a process. `look` is cheap; call it every `pause` seconds."""

    def __init__(self, leader: int, limits: Limits, folders: list[Path]) -> None:
        """Args:
        leader: id of the process below which the agent runs.
        limits: the agent's limits.
        folders: the folders that it writes.
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
        """Measurements so far, ready for JSON: `peak_memory_bytes`, `cpu_seconds`, and the limit exceeded first, if any, with the
        usage at that time: `reason`, `used`. `disk_bytes` is the size of its folders at the last count."""
        excess = {} if self._excess is None else self._excess._asdict()
        disk = {} if self._disk is None else {"disk_bytes": self._disk}
        return {"peak_memory_bytes": self._peak_memory, "cpu_seconds": round(self._cpu_seconds, 3), **disk, **excess}

    def look(self) -> bool:
        """Whether a limit is exceeded; nothing that the agent does raises an error."""
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
        """Kill the agent's init process, with which the kernel ends all of its others."""
        if (first := self._first_process()) is not None:
            with contextlib.suppress(OSError):
                os.kill(first, signal.SIGKILL)

    def _first_process(self) -> int | None:
        """Process 1 of the agent's PID namespace, by its id here; None before the namespace exists."""
        if self._first is None or not _is_first(self._first):
            self._first = next((pid for pid in _below(self._leader, 4) if _is_first(pid) and _has_own_list(pid)), None)
        return self._first

    def _look_at_number(self, root: Path) -> Excess | None:
        """Checked first, and only from the list: an agent that forks without end leaves no time for more."""
        count = len(_numbers(root / "proc", self._limits.pids + 1))
        return Excess("process-limit", count) if count > self._limits.pids else None

    def _look_at_memory(self, root: Path) -> Excess | None:
        """Check memory, with threads and CPU time, which come from the same source."""
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
                # it may have freed them since
                self._in_mappings = mapped_in_memory(paths)
                files = _files_in_memory(root, pids, self._in_mappings)
            use = exactly(paths, files)
        self._peak_memory = max(self._peak_memory, use)
        return Excess("out-of-memory", use) if use > self._limits.memory else None

    def _look_at_disk(self, now: float) -> Excess | None:
        """Begin a count if one is due, or continue it."""
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
        """Whether the disk's free space shrank since the last count by more than the agent may still write, or is nearly
        exhausted."""
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
    """Free bytes and inodes of a disk; infinite if unknown."""
    with contextlib.suppress(OSError):
        found = os.statvfs(folder)
        # some file systems allocate inodes dynamically, and report 0
        return found.f_bavail * found.f_frsize, found.f_favail if found.f_files else math.inf
    return math.inf, math.inf


def _below(pid: int, generations: int) -> Iterator[int]:
    """All descendants of a process."""
    if generations:
        with contextlib.suppress(OSError, ValueError):
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
                yield int(child)
                yield from _below(int(child), generations - 1)


def _is_first(pid: int) -> bool:
    """Whether a process is the init process of another PID namespace."""
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
    """Ids of the processes in a PID namespace, up to a maximum."""
    try:
        with os.scandir(proc) as entries:
            return list(itertools.islice((entry.name for entry in entries if entry.name.isdigit()), most))
    except OSError:
        return []


def _files_in_memory(root: Path, pids: list[str], in_mappings: int) -> int:
    """Bytes of `/dev/shm`, and of unlinked files in memory held by a descriptor or, as counted before, a mapping."""
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
