"""The harness's progress with its groups, in a small file in each group's folder, for observers from outside."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import socket
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grading.printable import printable
from mlebench._support.files import move_aside, write_json
from mlebench._support.plain_files import read_plain
from mlebench.runs import lock
from mlebench.runs.record import known_time

_NAME = ".harness_status.json"
_LARGEST = 2**17
_LARGEST_NUMBER = 2**53
_LONGEST_SENTENCE = 300
MOST_WAITING = 200
"""Most runs of a group whose reason for waiting is stated individually; `others` covers the rest."""
RENEW_SECONDS = 15.0
"""The file is rewritten at least this often."""
_RECENT_SECONDS = 90.0
_KERNEL = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class HarnessStatus:
    """The latest status from the harness of a group."""

    at: str
    """Time of writing, as ISO text."""
    slots: int = 1
    """Runs that can run at once."""
    parallel: int | None = None
    """Most runs at once, as requested; None: as many as the resources allow."""
    is_paused: bool = False
    """Whether no further run is started."""
    seconds_left: float | None = None
    """Estimated time until the last run of the group ends, as of `at`; None while paused."""
    waiting: dict[str, str] = field(default_factory=dict)
    """What each run that has not started waits for, by run id, such as `waits for 2 free GPUs`; at most `MOST_WAITING`
    entries."""
    others: str = ""
    """What the runs that have not started and are not in `waiting` wait for."""

    def waits_for(self, run_id: str) -> str:
        """What a run that has not started waits for, in words; empty if unknown."""
        return self.waiting.get(run_id, self.others)


def write_harness_status(folder: Path, status: HarnessStatus) -> None:
    """Write the status into the group's folder; the caller holds its lock.

    Raises:
        OSError: it cannot be written.
    """
    move_aside(folder / _NAME)
    write_json(folder / _NAME, asdict(status) | {"holder": lock.holder(folder), "kernel": _kernel()})


def drop_harness_status(folder: Path) -> None:
    """Remove the status when the harness ends."""
    with contextlib.suppress(OSError):
        move_aside(folder / _NAME)
        (folder / _NAME).unlink(missing_ok=True)


def read_harness_status(folder: Path) -> HarnessStatus | None:
    """The status from the harness that runs the group in `folder`; None if no harness runs it, or its status is unreadable.

    On the same kernel, the lock shows whether that harness is still alive. Elsewhere, on a shared file system whose locks may not
    work across nodes, a harness that wrote recently also counts as alive.
    """
    try:
        content = json.loads(read_plain(folder / _NAME, _LARGEST))
        written = known_time(content["at"])
        if written is None or not _is_there(folder, content, written):
            return None
        return _status(content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None


def is_at_work(folder: Path) -> bool:
    """Whether a harness, here or on another node, runs the group in `folder`."""
    return lock.is_held(folder) or read_harness_status(folder) is not None


def _is_there(folder: Path, content: dict[str, Any], written: datetime) -> bool:
    holder = lock.holder(folder)
    if holder is not None and holder == content.get("holder"):
        return True
    is_elsewhere = content.get("kernel") != _kernel()
    return is_elsewhere and abs((datetime.now(UTC) - written).total_seconds()) < _RECENT_SECONDS


def _status(content: dict[str, Any]) -> HarnessStatus:
    """The status in an untrusted file, reduced to plausible numbers and printable sentences."""
    left, waiting = content.get("seconds_left"), content.get("waiting")
    entries = list(waiting.items())[:MOST_WAITING] if isinstance(waiting, dict) else []
    return HarnessStatus(
        at=str(content["at"]),
        slots=_count(content.get("slots")) or 0,
        parallel=_count(content.get("parallel")),
        is_paused=content.get("is_paused") is True,
        seconds_left=float(left) if _is_amount(left) else None,  # type: ignore[arg-type]
        waiting={str(run_id): printable(words, _LONGEST_SENTENCE) for run_id, words in entries if isinstance(words, str)},
        others=printable(others, _LONGEST_SENTENCE) if isinstance(others := content.get("others"), str) else "",
    )


def _count(value: object) -> int | None:
    return int(value) if _is_amount(value) else None  # type: ignore[call-overload]


def _is_amount(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and 0 <= value < _LARGEST_NUMBER  # type: ignore[arg-type, operator]


@functools.cache
def _kernel() -> str:
    """Identifies this machine since its last boot; containers on it share its locks whatever their host names."""
    try:
        return _KERNEL.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return socket.gethostname()
