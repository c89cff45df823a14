"""The processes of a local run: found by a mark in their environment, waited for and killed with all descendants."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from mlebench.sandbox.base import Measured
from mlebench.sandbox.local import descendants, leader
from mlebench.sandbox.local.kernel_counts import OncePerPage, at_most, exactly, fields, seconds_of

MARK_VARIABLE = "MLEBENCH_RUN_MARK"
_POLL_SECONDS = 0.05
_LEAVE_SECONDS = 2.0
_LISTED_SECONDS = 1.0
"""Seconds for which a list of all processes is recent enough to measure their usage."""


def mark_of(run_dir: Path, attempt: int) -> str:
    """The mark in the environment of an attempt's processes; unique across all groups, and reveals nothing else."""
    return hashlib.sha256(f"{run_dir.absolute()}#{attempt}".encode("utf-8", "surrogateescape")).hexdigest()


def marked(mark: str) -> Iterator[psutil.Process]:
    """The living processes of this user that carry `mark`."""
    for process in psutil.process_iter():
        # gone meanwhile, or belongs to another user
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK_VARIABLE) == mark:
                yield process


def keeper(mark: str) -> psutil.Process | None:
    """The process that supervises a marked run (see `leader`), or None if it is gone."""
    found = []
    ours = _namespace_of(os.getpid())
    for process in marked(mark):
        with contextlib.suppress(psutil.Error, OSError):
            # an agent without walls may start another such process, but not an older one; within walls it may do so for any run
            is_ours = _namespace_of(process.pid) == ours
            if is_ours and os.getsid(process.pid) == process.pid and leader.__file__ in process.cmdline():
                found.append((process.create_time(), process.pid, process))
    return min(found)[-1] if found else None


class Family:
    """All processes of an attempt: the keeper and the leader (see `leader`), their descendants, and any with the mark."""

    def __init__(self, keeper_pid: int, mark: str, *, has_own_processes: bool = False) -> None:
        """Args: keeper_pid: the keeper. mark: the attempt's mark. has_own_processes: whether the agent's processes are in a
        separate namespace; all others below the leader are then its walls.
        """
        self._pid = keeper_pid
        self._namespace = _namespace_of(keeper_pid) if has_own_processes else None
        self._mark = mark
        self._told: set[int] = set()
        self._once = OncePerPage()
        self._cpu_seconds = 0.0

    def terminate(self) -> None:
        """Send SIGTERM to each process that has not received one before.

        The leader is among the first: it then spares processes that are saving their work. Walls stay until everything is saved.
        """
        heads, others = self._members()
        below = [found for head in heads for found in descendants.below(head.pid, spared=self._pid)]
        for process in heads + [other for other in others if not self._is_wall(other.pid)]:
            if process.pid not in self._told:
                self._told.add(process.pid)
                _send(process, signal.SIGTERM)
        for found in below:
            if found.pid not in self._told and not self._is_wall(found.pid):
                self._told.add(found.pid)
                descendants.send(found, signal.SIGTERM)

    def end(self, seconds: float) -> int:
        """Kill all but the keeper and the leader, which then record what they know and exit.

        Returns:
            the number that could not be ended within `seconds`.
        """
        end = time.monotonic() + seconds
        heads, others = self._members()
        for head in heads:
            # the agent may have stopped it
            _send(head, signal.SIGCONT)
        left = sum(descendants.end_below(head.pid, end - time.monotonic(), spared=self._pid) for head in heads)
        while others:
            for other in others:
                descendants.end_below(other.pid, end - time.monotonic())
                _send(other, signal.SIGKILL)
            if time.monotonic() >= end:
                return left + len(others)
            time.sleep(_POLL_SECONDS)
            others = self._members()[1]
        return left

    def end_heads(self) -> None:
        """Kill the keeper and the leader, which did not exit on their own."""
        for head in self._members()[0]:
            _send(head, signal.SIGKILL)

    def measure(self) -> Measured | None:
        """The usage of the agent's processes, without their supervisors; None if there are none.

        All runs of a harness measure at about the same time, so that the machine's processes are listed only once.
        """
        below = descendants.below(self._pid, children=_listing.get())
        heads = [Path("/proc", str(process.pid)) for process in below if process.group == self._pid]
        own = [process.pid for process in below if process.group != self._pid and not self._is_wall(process.pid)]
        paths = [Path("/proc", str(pid)) for pid in own]
        said = [fields(path / "status") for path in paths]
        each = list(map(at_most, said))
        if not any(each):
            # all have ended, or are about to
            return None
        # the usage of ended processes is known to the one that reaped them
        ended = [seconds_of(path, only_ended=True) for path in (Path("/proc", str(self._pid)), *heads)]
        self._cpu_seconds = max(self._cpu_seconds, sum(ended) + sum(map(seconds_of, paths)))
        memory = self._once.estimate(each, lambda: exactly(paths))
        threads = sum(each.get(b"Threads:", 0) for each in said)
        return Measured(round(self._cpu_seconds, 2), memory, threads)

    def _is_wall(self, pid: int) -> bool:
        return self._namespace is not None and _namespace_of(pid) == self._namespace

    def _members(self) -> tuple[list[psutil.Process], list[psutil.Process]]:
        """The keeper and the leader, if alive, and any other process with the mark."""
        heads: list[psutil.Process] = []
        others: list[psutil.Process] = []
        for process in marked(self._mark):
            # no other process can join their group, as the agent has a separate session
            (heads if _group_of(process.pid) == self._pid else others).append(process)
        return heads, others


class _Listing:
    """All processes of this machine by parent, at most a moment old."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = -math.inf
        self._children: dict[int, list[descendants.Process]] = {}

    def get(self) -> dict[int, list[descendants.Process]]:
        """Of concurrent callers, one lists the processes and the others wait."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._children = descendants.by_parent()
                self._until = time.monotonic() + _LISTED_SECONDS
            return self._children


_listing = _Listing()


def end_marked(mark: str, seconds: float) -> None:
    """Kill all processes with a mark and their descendants, after a grace period in which they may exit."""
    end = time.monotonic() + seconds
    patient_until = time.monotonic() + _LEAVE_SECONDS
    has_killed = False
    # on a machine so busy that one listing exceeds the time limit, they are still killed once
    while (found := list(marked(mark))) and (time.monotonic() < end or not has_killed):
        if time.monotonic() >= patient_until:
            for process in found:
                descendants.end_below(process.pid, max(_POLL_SECONDS, end - time.monotonic()))
                _send(process, signal.SIGKILL)
            has_killed = True
        time.sleep(_POLL_SECONDS)


def _send(process: psutil.Process, number: signal.Signals) -> None:
    # gone, or its id now belongs to another user
    with contextlib.suppress(psutil.Error):
        process.send_signal(number)


class Exit:
    """Waits for a process's end, a child or not, or for a wake-up from another thread."""

    # not psutil's wait: it cannot be woken, and it reaps children, which loses their CPU and memory usage

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._pidfd = _open_pidfd(pid)
        self._wake_read, self._wake_write = os.pipe()

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds`; True if the process has ended."""
        if self._pidfd is None:
            return self._poll_slowly(seconds)
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(max(0, seconds) * 1000)}
        if self._wake_read in ready:
            os.read(self._wake_read, 1024)
        return self._pidfd in ready

    def wake(self) -> None:
        """Make `wait` return now; may be called from any thread."""
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b"w")

    def close(self) -> None:
        """Close the descriptors."""
        for descriptor in (self._pidfd, self._wake_read, self._wake_write):
            if descriptor is not None:
                os.close(descriptor)

    def _poll_slowly(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while is_alive(self._pid):
            left = end - time.monotonic()
            if left <= 0 or select.select([self._wake_read], [], [], min(_POLL_SECONDS, left))[0]:
                return False
        return True


def is_alive(pid: int) -> bool:
    """Whether a process is running (a zombie is not)."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _open_pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        # not Linux, or the process is gone
        return None


def _namespace_of(pid: int) -> str | None:
    """The id of a process's PID namespace; None if it is gone or not accessible."""
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return None


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None
