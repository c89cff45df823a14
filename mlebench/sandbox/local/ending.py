"""How an agent ended, as the leader of its run wrote it down (see `leader`), and why a harness was ending it.

A harness says why before it ends an agent: it may be gone before it can say what became of that, and whoever finds the end then
would take it for the agent's own.
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
"""By which an agent that is asked to end may outlast its grace period on a busy machine."""
_MOST_CPU_SECONDS = 1e12
_MOST_BYTES = 2**60
_EXCESSES = ("out-of-memory", "process-limit", "disk-full", "disk-unmeasured", "host-disk-full")


@dataclass(frozen=True)
class Ending:
    """The end of an agent; every value is one that could be, whoever wrote the file."""

    code: int
    """0 to 255."""
    started_at: datetime
    """UTC, as the others; none is later than `ended_at`, and that does not lie in the future."""
    left_at: datetime
    """When the agent itself had ended, after which what it left was ended, too."""
    ended_at: datetime
    boot: str
    """Names the time since the machine started; empty where the system has no such name."""
    usage: dict[str, Any]
    """`cpu_seconds` and `peak_memory_bytes`, as far as they are known."""


@dataclass(frozen=True)
class Watched:
    """What an agent has, or had, and the limit that it was ended for."""

    reason: str | None
    """A word of outcomes; None where it kept to its limits."""
    used: int
    """Bytes or processes that it had then."""
    usage: dict[str, Any]
    """As in `Ending`."""
    disk_bytes: int | None
    """In its folders, when they were counted last."""


@dataclass(frozen=True)
class Asked:
    """A harness was ending the agent."""

    why: str
    since: datetime
    """UTC, as the other."""
    until: datetime
    """An end that comes later has nothing to do with it: the harness was gone before it had begun."""


def keep_asked(state: Path, mark: str, why: str, grace: float) -> None:
    """Write down that a harness ends the attempt with a mark now, with so many seconds of grace.

    Raises:
        OSError: it cannot be written.
    """
    content = {"mark": mark, "why": why, "since": time.time(), "until": time.time() + grace + _SLACK_SECONDS}
    write_text(state / ASKED, json.dumps(content))


def read_asked(state: Path, mark: str) -> Asked | None:
    """Why a harness was ending the attempt with a mark; None where none was, or nothing usable is found."""
    try:
        content = json.loads(read_plain(state / ASKED, _LARGEST))
        if content["mark"] != mark:
            return None
        since, until = (datetime.fromtimestamp(content[key], UTC) for key in ("since", "until"))
        return Asked(str(content["why"])[:100], since, until)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def read_ending(state: Path, mark: str) -> Ending | None:
    """The end of the attempt with a mark; None while the agent has not ended, or where nothing usable is found."""
    try:
        content = json.loads(read_plain(state / ENDING, _LARGEST))
        if content["mark"] != mark or type(content["code"]) is not int or not 0 <= content["code"] <= 255:
            return None
        ended_at = _time(content["ended"], datetime.now(UTC))
        # leaders of earlier harnesses do not say when the agent itself had ended
        left_at = _time(content.get("left", content["ended"]), ended_at)
        started_at = _time(content["started"], ended_at)
        return Ending(content["code"], started_at, left_at, ended_at, str(content["boot"])[:100], _usage(content))
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def read_watched(state: Path, mark: str) -> Watched | None:
    """What who watched the attempt with a mark saw of it; None where nobody did, or nothing usable is found."""
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
    """What names the time since this machine started; empty where the system has no such name."""
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
