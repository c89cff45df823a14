"""The descendants of a process, found by the kernel's records of parents, and ended whatever they do meanwhile.

The run's leader uses this before anything else of the harness is loaded: standard library only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import NamedTuple

_STOPPING_SECONDS = 3.0
_PAUSE_SECONDS = 0.01


class Process(NamedTuple):
    """A process as described by the kernel."""

    pid: int
    parent: int
    group: int
    session: int
    started: str
    """Start time in clock ticks since boot; distinguishes a process from a later one with the same id."""


def by_parent() -> dict[int, list[Process]]:
    """All living processes of this machine, by the id of their parent."""
    children: dict[int, list[Process]] = {}
    for process in _all():
        children.setdefault(process.parent, []).append(process)
    return children


def below(root: int, spared: int | None = None, children: dict[int, list[Process]] | None = None) -> list[Process]:
    """The living descendants of `root`, parents before children; none on systems without /proc.

    A descendant whose parent has ended is included if `root` adopts orphans.

    Args:
        root: a process id.
        spared: id of a process group whose members are left out.
        children: all processes by parent, if read a moment ago.
    """
    children = by_parent() if children is None else children
    found = list(children.get(root, ()))
    for process in found:
        found += children.get(process.pid, ())
    return [process for process in found if process.group != spared]


def end_below(root: int, seconds: float, spared: int | None = None) -> int:
    """Kill all descendants of `root`, including those started meanwhile.

    All are stopped before the first is killed, so that none can restart what was killed.

    Args:
        root: id of a process, which itself stays alive.
        seconds: time limit, after which it gives up.
        spared: id of a process group whose members are left alone.

    Returns:
        the number left: processes of another user, or waiting for a device.
    """
    end = time.monotonic() + seconds
    stopping_ends = min(end, time.monotonic() + _STOPPING_SECONDS)
    stopped: set[Process] = set()
    while time.monotonic() < stopping_ends and (fresh := [process for process in below(root, spared) if process not in stopped]):
        _send_all(fresh, signal.SIGSTOP)
        stopped.update(fresh)
    while left := below(root, spared):
        if time.monotonic() >= end:
            return len(left)
        _send_all(left, signal.SIGKILL)
        time.sleep(_PAUSE_SECONDS)
    return 0


def send(process: Process, number: signal.Signals) -> None:
    """Send a signal to a process, unless it is gone, its id was reused, or it belongs to another user."""
    with contextlib.suppress(OSError):
        try:
            descriptor = os.pidfd_open(process.pid)
        except AttributeError:
            os.kill(process.pid, number)
            return
        try:
            found = find(process.pid)
            if found is not None and found.started == process.started:
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


def _send_all(processes: list[Process], number: signal.Signals) -> None:
    # signalling a group also reaches processes that it is just starting
    for group in {process.group for process in processes}:
        with contextlib.suppress(OSError):
            os.killpg(group, number)
    for process in processes:
        send(process, number)


def find(pid: int) -> Process | None:
    """The living process with an id."""
    return _read(str(pid))


def _all() -> list[Process]:
    try:
        with os.scandir("/proc") as entries:
            names = [entry.name for entry in entries if entry.name.isdigit()]
    except OSError:
        return []
    return [found for name in names if (found := _read(name)) is not None]


def _read(pid: str) -> Process | None:
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        # the name in parentheses may itself contain spaces and parentheses
        fields = os.read(descriptor, 4096).rpartition(b")")[2].split()
    except OSError:
        return None
    finally:
        os.close(descriptor)
    # a process whose main thread has ended is reported as dead while its other threads continue
    if len(fields) < 20 or (fields[0] in (b"Z", b"X") and int(fields[17]) < 2):
        return None
    return Process(int(pid), int(fields[1]), int(fields[2]), int(fields[3]), fields[19].decode())
