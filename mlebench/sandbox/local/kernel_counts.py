"""What the kernel says that processes use, read from /proc. The keeper of a run loads it: standard library only."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_SHARE = 0.005
"""Of a processor that counting each page once may take, which the kernel does page by page."""
_NEGLIGIBLE = 0.05


class OncePerPage:
    """Memory with each page counted once, which is counted as often as that is cheap, and estimated meanwhile."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self._part = 1.0
        self._next = 0.0
        self._counted = 0

    def estimate(self, each: Sequence[int], count: Callable[[], int]) -> int:
        """Bytes.

        Args:
            each: bytes of each process, with pages that several of them share counted for each.
            count: counts them exactly; called where it is due.
        """
        total = sum(each)
        if total - max(each, default=0) <= total * _NEGLIGIBLE:
            # one process has nearly all, and little can be shared
            return total
        if time.monotonic() >= self._next or total > 2 * self._counted:
            begun = time.thread_time()
            exact = count()
            self._next = time.monotonic() + (time.thread_time() - begun) / _SHARE
            self._part, self._counted = exact / total, total
            return exact
        return int(total * self._part)


def fields(path: Path) -> dict[bytes, int]:
    """Numbers that the kernel gives a process by name, those of memory in bytes."""
    found = {}
    with contextlib.suppress(OSError):
        for line in path.read_bytes().splitlines():
            words = line.split()
            if len(words) > 1 and words[1].isdigit():
                found[words[0]] = int(words[1]) * (1024 if words[-1] == b"kB" else 1)
    return found


def seconds_of(process: Path, *, only_ended: bool = False) -> float:
    """CPU seconds of a process, and of those that it has seen the end of; with `only_ended`, of the latter alone."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        # the name in parentheses may hold blanks and parentheses of its own
        words = (process / "stat").read_bytes().rpartition(b")")[2].split()
        return sum(int(word) for word in words[13 if only_ended else 11 : 15]) / _TICKS
    return 0.0


def at_most(said: dict[bytes, int]) -> int:
    """Memory of a process that is no file's on disk, by its `status`; pages that it shares are counted as its own."""
    return said.get(b"RssAnon:", 0) + said.get(b"RssShmem:", 0) + said.get(b"VmSwap:", 0) + _besides(said)


def exactly(processes: Iterable[Path], in_memory: int = 0) -> int:
    """Memory of some processes, each page once.

    Args:
        processes: their folders in /proc.
        in_memory: bytes of files in memory; what is mapped of these is among them.
    """
    own = mapped = 0
    for process in processes:
        said, status = (fields(process / name) for name in ("smaps_rollup", "status"))
        if b"Pss_Anon:" not in said:
            # it hides itself, or the kernel is old
            own += at_most(status)
            continue
        own += said[b"Pss_Anon:"] + said.get(b"SwapPss:", 0) + _besides(status)
        mapped += said.get(b"Pss_Shmem:", 0)
    return own + max(mapped, in_memory)


def _besides(said: dict[bytes, int]) -> int:
    """Memory of a process that is in none of its sums: huge pages of a pool, and the tables that tell where its pages are."""
    return said.get(b"HugetlbPages:", 0) + said.get(b"VmPTE:", 0)
