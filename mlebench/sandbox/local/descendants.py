"""The processes below one process, found by the kernel's own records of parents, and ended whatever they do meanwhile.

The run's leader runs with this before anything else of the harness is loaded: standard library only.
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
    """A process as the kernel describes it."""

    pid: int
    parent: int
    group: int
    session: int
    started: str
    """Clock ticks since the machine started; tells a process from a later one with the same number."""


def by_parent() -> dict[int, list[Process]]:
    """All living processes of this machine, by the number of the one that each belongs to."""
    children: dict[int, list[Process]] = {}
    for process in _all():
        children.setdefault(process.parent, []).append(process)
    return children


def below(root: int, spared: int | None = None, children: dict[int, list[Process]] | None = None) -> list[Process]:
    """The living descendants of `root`, parents before children; none on systems without /proc.

    A descendant whose parent has ended counts as long as `root` takes in orphans.

    Args:
        root: number of a process.
        spared: number of a process group whose members are left out.
        children: all processes by their parents, where they were read a moment ago.
    """
    children = by_parent() if children is None else children
    found = list(children.get(root, ()))
    for process in found:
        found += children.get(process.pid, ())
    return [process for process in found if process.group != spared]


def end_below(root: int, seconds: float, spared: int | None = None) -> int:
    """Kill everything below `root`, also what is started meanwhile.

    All are stopped before the first is killed, so that none can replace what was killed.

    Args:
        root: number of a process, which itself stays alive.
        seconds: after that it is given up.
        spared: number of a process group whose members are left alone.

    Returns:
        how many are left: processes of another user, or such as wait for a device.
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
    """Send a signal to a process, unless it is gone, another has its number by now, or it is another user's."""
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
    # a group is reached at once, with those that it is starting just now
    for group in {process.group for process in processes}:
        with contextlib.suppress(OSError):
            os.killpg(group, number)
    for process in processes:
        send(process, number)


def find(pid: int) -> Process | None:
    """The living process with a number."""
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
        # the name in parentheses may hold blanks and parentheses of its own
        fields = os.read(descriptor, 4096).rpartition(b")")[2].split()
    except OSError:
        return None
    finally:
        os.close(descriptor)
    # a process whose first thread has ended is called dead while others of it go on
    if len(fields) < 20 or (fields[0] in (b"Z", b"X") and int(fields[17]) < 2):
        return None
    return Process(int(pid), int(fields[1]), int(fields[2]), int(fields[3]), fields[19].decode())
