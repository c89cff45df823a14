"""How long an attempt has been running, whatever happens to the wall clock meanwhile, also under another harness."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Counts on while the machine is suspended, as the kernel's start times of processes do."""


class RunClock:
    """Counts the seconds since an attempt started."""

    def __init__(self, started_at: datetime, age: float | None = None) -> None:
        """Args:
        started_at: when it started, by the wall clock.
        age: seconds for which it has been running, where they are known without the wall clock; see `age_of`.
        """
        if age is None:
            age = max(0.0, (datetime.now(UTC) - started_at).total_seconds())
        self._started = time.clock_gettime(_CLOCK) - age

    @property
    def elapsed(self) -> float:
        """Seconds since the start; never goes back."""
        return time.clock_gettime(_CLOCK) - self._started


def age_of(pid: int, proc: Path = Path("/proc")) -> float | None:
    """Seconds for which a process has been running, as the kernel counts; None where that is not known."""
    try:
        # the name in parentheses may hold blanks and parentheses of its own
        fields = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return max(0.0, time.clock_gettime(_CLOCK) - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return None


def start_of(process: psutil.Process) -> datetime:
    """When a process started, by the wall clock of now."""
    age = age_of(process.pid)
    # where the kernel says no age; on Linux this counts from a boot time in whole seconds
    return datetime.fromtimestamp(process.create_time(), UTC) if age is None else datetime.now(UTC) - timedelta(seconds=age)
