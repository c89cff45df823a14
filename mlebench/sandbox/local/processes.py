"""Processes of a local run: found by the mark in their environment, waited for and killed with all descendants."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from pathlib import Path

MARK_VARIABLE = "MLEBENCH_RUN_MARK"
_PROC = Path("/proc")


def marked(mark: str) -> list[int]:
    """Ids of the living processes that carry `mark`; empty where there is no `/proc`."""
    wanted = f"{MARK_VARIABLE}={mark}".encode()
    found = []
    for entry in _PROC.iterdir() if _PROC.is_dir() else ():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def leader(mark: str) -> int | None:
    """The process that leads the session of a marked run, or None when it is gone."""
    for pid in marked(mark):
        with contextlib.suppress(OSError):
            if os.getsid(pid) == pid and _wrapper(pid):
                return pid
    return None


def started_at(pid: int) -> float:
    """Unix time at which a process started (from `/proc`, exact to a hundredth of a second)."""
    ticks = int(_stat_fields(pid)[19])
    booted = next(int(line.split()[1]) for line in (_PROC / "stat").read_text().splitlines() if line.startswith("btime"))
    return booted + ticks / os.sysconf("SC_CLK_TCK")


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to every process of a group; a group that is gone is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def terminate_all(group: int, mark: str) -> None:
    """SIGTERM, once each, to the group and every marked process that left it."""
    signal_group(group, signal.SIGTERM)
    for pid in marked(mark):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) != group:
                os.kill(pid, signal.SIGTERM)


def kill_all(group: int, mark: str) -> None:
    """SIGKILL the group and every marked process that left it (a daemon with a session of its own)."""
    signal_group(group, signal.SIGKILL)
    for pid in marked(mark):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


class Exit:
    """Waits for a process's end, a child or not, or for a wake-up from another thread."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._pidfd = _open_pidfd(pid)
        self._wake_read, self._wake_write = os.pipe()

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds`; True when the process has ended."""
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
        """Let `wait` return now; may be called from any thread."""
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b"w")

    def close(self) -> None:
        """Give the descriptors back."""
        for descriptor in (self._pidfd, self._wake_read, self._wake_write):
            if descriptor is not None:
                os.close(descriptor)

    def _poll_slowly(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while is_alive(self._pid):
            left = end - time.monotonic()
            if left <= 0 or select.select([self._wake_read], [], [], min(0.05, left))[0]:
                return False
        return True


def is_alive(pid: int) -> bool:
    """Whether a process runs (one that ended and waits to be collected does not)."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    try:
        return _stat_fields(pid)[0] != "Z"
    except OSError:
        # no /proc on this system: a child that ended is seen only once it is collected
        with contextlib.suppress(ChildProcessError):
            return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        return True


def _open_pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _wrapper(pid: int) -> bool:
    """Daemons of the agent lead sessions too; the run's own leader is the shell that keeps the exit code."""
    return b"exit_code" in (_PROC / str(pid) / "cmdline").read_bytes()


def _stat_fields(pid: int) -> list[str]:
    """Fields of `/proc/PID/stat` from the state on; the command name before it may hold blanks."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
