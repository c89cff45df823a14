"""The kernel's counts of processes' usage, read from /proc. Loaded by the keeper of a run: standard library only."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_SHARE = 0.005
"""Share of a CPU that exact counting may take, for which the kernel goes page by page."""
_NEGLIGIBLE = 0.05


class OncePerPage:
    """Memory with each page counted once: counted exactly as often as is cheap, and estimated in between."""

    def __init__(self) -> None:
        """Start without any counts."""
        self._part = 1.0
        self._next = 0.0
        self._counted = 0

    def estimate(self, each: Sequence[int], count: Callable[[], int]) -> int:
        """Memory in bytes.

        Args:
            each: bytes of each process, counting shared pages for each.
            count: counts them exactly; called when due.
        """
        total = sum(each)
        if total - max(each, default=0) <= total * _NEGLIGIBLE:
            # one process has nearly everything, so little can be shared
            return total
        if time.monotonic() >= self._next or total > 2 * self._counted:
            begun = time.thread_time()
            exact = count()
            self._next = time.monotonic() + (time.thread_time() - begun) / _SHARE
            self._part, self._counted = exact / total, total
            return exact
        return int(total * self._part)


def fields(path: Path) -> dict[bytes, int]:
    """The kernel's numbers for a process by name, with memory in bytes."""
    found = {}
    with contextlib.suppress(OSError):
        for line in path.read_bytes().splitlines():
            words = line.split()
            if len(words) > 1 and words[1].isdigit():
                found[words[0]] = int(words[1]) * (1024 if words[-1] == b"kB" else 1)
    return found


def seconds_of(process: Path, *, only_ended: bool = False) -> float:
    """CPU seconds of a process and its reaped children; with `only_ended`, only of the latter."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        # the name in parentheses may itself contain spaces and parentheses
        words = (process / "stat").read_bytes().rpartition(b")")[2].split()
        return sum(int(word) for word in words[13 if only_ended else 11 : 15]) / _TICKS
    return 0.0


def at_most(said: dict[bytes, int]) -> int:
    """Memory of a process not backed by files on disk, from its `status`; shared pages are counted fully."""
    return said.get(b"RssAnon:", 0) + said.get(b"RssShmem:", 0) + said.get(b"VmSwap:", 0) + _besides(said)


def exactly(processes: Iterable[Path], in_memory: int = 0) -> int:
    """Memory of some processes, counting each page once.

    Args:
        processes: their folders in /proc.
        in_memory: bytes of files in memory, including their mapped parts.
    """
    own = mapped = 0
    for process in processes:
        said, status = (fields(process / name) for name in ("smaps_rollup", "status"))
        if b"Pss_Anon:" not in said:
            # the process hides itself, or the kernel is old
            own += at_most(status)
            continue
        own += said[b"Pss_Anon:"] + said.get(b"SwapPss:", 0) + _besides(status)
        mapped += said.get(b"Pss_Shmem:", 0)
    return own + max(mapped, in_memory)


def _besides(said: dict[bytes, int]) -> int:
    """Memory of a process that is missing from its totals: huge pages of a pool, and page tables."""
    return said.get(b"HugetlbPages:", 0) + said.get(b"VmPTE:", 0)
