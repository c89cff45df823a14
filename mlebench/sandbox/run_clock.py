"""How long an attempt has been running, regardless of wall clock changes and harness restarts."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Keeps counting while the machine is suspended, like the kernel's process start times."""


class RunClock:
    """Counts the seconds since an attempt started."""

    def __init__(self, started_at: datetime, age: float | None = None) -> None:
        """Args:
        started_at: its start by the wall clock.
        age: its running time in seconds, if known without the wall clock; see `age_of`.
        """
        if age is None:
            age = max(0.0, (datetime.now(UTC) - started_at).total_seconds())
        self._started = time.clock_gettime(_CLOCK) - age

    @property
    def elapsed(self) -> float:
        """Seconds since the start; never decreases."""
        return time.clock_gettime(_CLOCK) - self._started


def age_of(pid: int, proc: Path = Path("/proc")) -> float | None:
    """Seconds for which a process has been running, as counted by the kernel; None if unknown."""
    try:
        # the name in parentheses may itself contain spaces and parentheses
        fields = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return max(0.0, time.clock_gettime(_CLOCK) - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return None


def start_of(process: psutil.Process) -> datetime:
    """The start time of a process, by the current wall clock."""
    age = age_of(process.pid)
    # used if the kernel reports no age; on Linux this counts from a boot time in whole seconds
    return datetime.fromtimestamp(process.create_time(), UTC) if age is None else datetime.now(UTC) - timedelta(seconds=age)
