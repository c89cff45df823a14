"""How an agent ended, as recorded by the leader of its run (see `leader`), and why a harness was ending it.

A harness records the reason before it ends an agent: it may die before it can record the result, and the end would then be
mistaken for the agent's own.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlebench._support.files import write_text
from mlebench._support.plain_files import read_plain
from mlebench.sandbox.local.leader import ENDING, WATCHED

ASKED = "asked.json"
"""File in the run's state folder: why a harness was ending the agent."""
_LARGEST = 2**16
_SLACK_SECONDS = 60.0
"""How long an agent asked to end may outlast its grace period on a busy machine."""
_MOST_CPU_SECONDS = 1e12
_MOST_BYTES = 2**60
_EXCESSES = ("out-of-memory", "process-limit", "disk-full", "disk-unmeasured", "host-disk-full")


@dataclass(frozen=True)
class Ending:
    """The end of an agent; every value is plausible, as the file is untrusted."""

    code: int
    """0 to 255."""
    started_at: datetime
    """UTC, like the others; none is later than `ended_at`, which is not in the future."""
    left_at: datetime
    """When the agent itself had ended, before its remaining processes were ended."""
    ended_at: datetime
    boot: str
    """Identifies the current boot; empty if the system has no boot id."""
    usage: dict[str, Any]
    """`cpu_seconds` and `peak_memory_bytes`, as far as known."""


@dataclass(frozen=True)
class Watched:
    """An agent's usage, and the limit that it was ended for."""

    reason: str | None
    """A reason as in outcomes; None if it stayed within its limits."""
    used: int
    """Bytes or processes at that time."""
    usage: dict[str, Any]
    """As in `Ending`."""
    disk_bytes: int | None
    """Bytes in its folders at the last count."""


@dataclass(frozen=True)
class Asked:
    """The record that a harness was ending the agent."""

    why: str
    since: datetime
    """UTC, like the other."""
    until: datetime
    """A later end is unrelated: the harness died before it had begun."""


def keep_asked(state: Path, mark: str, why: str, grace: float) -> None:
    """Record that a harness is now ending the attempt with a mark, with a grace period in seconds.

    Raises:
        OSError: it cannot be written.
    """
    content = {"mark": mark, "why": why, "since": time.time(), "until": time.time() + grace + _SLACK_SECONDS}
    write_text(state / ASKED, json.dumps(content))


def read_asked(state: Path, mark: str) -> Asked | None:
    """Why a harness was ending the attempt with a mark; None if none was, or the file is unusable."""
    try:
        content = json.loads(read_plain(state / ASKED, _LARGEST))
        if content["mark"] != mark:
            return None
        since, until = (datetime.fromtimestamp(content[key], UTC) for key in ("since", "until"))
        return Asked(str(content["why"])[:100], since, until)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def read_ending(state: Path, mark: str) -> Ending | None:
    """The end of the attempt with a mark; None if the agent has not ended, or the file is unusable."""
    try:
        content = json.loads(read_plain(state / ENDING, _LARGEST))
        if content["mark"] != mark or type(content["code"]) is not int or not 0 <= content["code"] <= 255:
            return None
        ended_at = _time(content["ended"], datetime.now(UTC))
        # leaders of earlier harnesses do not record when the agent itself had ended
        left_at = _time(content.get("left", content["ended"]), ended_at)
        started_at = _time(content["started"], ended_at)
        return Ending(content["code"], started_at, left_at, ended_at, str(content["boot"])[:100], _usage(content))
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def read_watched(state: Path, mark: str) -> Watched | None:
    """The watchdog's record of the attempt with a mark; None if it was not watched, or the file is unusable."""
    try:
        content = json.loads(read_plain(state / WATCHED, _LARGEST))
        used, reason = content.get("used", 0), content.get("reason")
        if content["mark"] != mark or reason not in (None, *_EXCESSES) or type(used) is not int or not 0 <= used <= _MOST_BYTES:
            return None
        disk = content.get("disk_bytes")
        return Watched(reason, used, _usage(content), disk if type(disk) is int and 0 <= disk <= _MOST_BYTES else None)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, AttributeError):
        return None


def boot_id() -> str:
    """The id of the current boot; empty if the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _time(seconds: float, latest: datetime) -> datetime:
    return min(datetime.fromtimestamp(seconds, UTC), latest)


def _usage(content: dict[str, Any]) -> dict[str, Any]:
    usage: dict[str, Any] = {}
    cpu_seconds, peak = content.get("cpu_seconds"), content.get("peak_memory_bytes")
    if isinstance(cpu_seconds, int | float) and math.isfinite(cpu_seconds) and 0 <= cpu_seconds <= _MOST_CPU_SECONDS:
        usage["cpu_seconds"] = cpu_seconds
    if isinstance(peak, int) and 0 < peak <= _MOST_BYTES:
        usage["peak_memory_bytes"] = peak
    return usage
