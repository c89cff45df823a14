"""Processes of a local run: found by the mark in their environment, waited for and killed with all descendants."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

MARK_VARIABLE = "MLEBENCH_RUN_MARK"
_POLL_SECONDS = 0.05


def mark_of(run_dir: Path, attempt: int) -> str:
    """What the processes of an attempt carry in their environment; the folder distinguishes groups of the same name."""
    return f"{run_dir.absolute()}#{attempt}"


def marked(mark: str) -> Iterator[psutil.Process]:
    """The living processes of this user that carry `mark`."""
    for process in psutil.process_iter():
        # gone meanwhile, or another user's
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK_VARIABLE) == mark:
                yield process


def leader(mark: str) -> psutil.Process | None:
    """The process that leads the session of a marked run, or None when it is gone."""
    for process in marked(mark):
        with contextlib.suppress(psutil.Error, OSError):
            # daemons of the agent lead sessions too; the run's own leader is the shell that keeps the exit code
            if os.getsid(process.pid) == process.pid and any("exit_code" in word for word in process.cmdline()):
                return process
    return None


def terminate_all(group: int, mark: str) -> None:
    """SIGTERM, once each, to the group and every marked process that left it."""
    _signal_group(group, signal.SIGTERM)
    for process in marked(mark):
        with contextlib.suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) != group:
                process.terminate()


def kill_all(group: int, mark: str) -> None:
    """SIGKILL the group and every marked process that left it (a daemon with a session of its own)."""
    _signal_group(group, signal.SIGKILL)
    for process in marked(mark):
        with contextlib.suppress(psutil.Error):
            process.kill()


def wait_until_gone(mark: str, seconds: float) -> None:
    """Until no marked process is left, at most `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(marked(mark)):
        time.sleep(_POLL_SECONDS)


class Exit:
    """Waits for a process's end, a child or not, or for a wake-up from another thread."""

    # not psutil's own wait: nobody can wake it, and it collects a child, whose use of CPU and memory is then lost

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
            if left <= 0 or select.select([self._wake_read], [], [], min(_POLL_SECONDS, left))[0]:
                return False
        return True


def is_alive(pid: int) -> bool:
    """Whether a process runs (one that ended and waits to be collected does not)."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _open_pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        # another system than Linux, or a process that is gone
        return None


def _signal_group(group: int, number: signal.Signals) -> None:
    # psutil knows no groups, and a group is reached at once, with those that it is starting just now
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
