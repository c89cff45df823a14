"""A run's resource usage over time, `resources.jsonl` in its folder: one line at intervals while its agent works.

`measuring` writes it. An agent without walls may have written to it, too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlebench._support.plain_files import open_plain

FILE = "resources.jsonl"
_MOST_BYTES = 4 * 2**20
"""Limit for the file; the rest is not read."""
_LONGEST_LINE = 2**16
_EARLIEST = 1_500_000_000.0
_AHEAD_SECONDS = 60.0
"""How far another machine's clock may be ahead of ours."""
_AT_ONCE = 200
_MOST = 2**60
_MOST_GPUS = 64
_LONGEST_ID = 100


@dataclass(frozen=True)
class GpuUse:
    """Usage of one GPU of a run."""

    id: str
    utilization: float | None
    """Utilisation over the last sample period, a second at most: 0 to 1; None if the driver does not report it."""
    memory_bytes: int | None


@dataclass(frozen=True)
class Measure:
    """A run's usage at one moment; None for unknown values."""

    at: float
    """Seconds since 1970."""
    cpu_seconds: float | None = None
    """CPU time in seconds since the agent's start; never decreases."""
    memory_bytes: int | None = None
    """Bytes, without the kernel's page cache."""
    processes: int | None = None
    """Number of processes, counting each of their threads."""
    disk_bytes: int | None = None
    gpus: tuple[GpuUse, ...] = ()


def read_measures(run_dir: Path, most: int = 2000) -> list[Measure]:
    """The measures of an attempt in chronological order, thinned out evenly in time to `most`; unreadable lines are left out.

    Of measures close together, the one with the most memory is kept, so that peaks remain.

    Args:
        run_dir: the run's folder, or that of an earlier attempt; the file is untrusted.
        most: maximum number of measures, at least 2.
    """
    try:
        with open_plain(run_dir / FILE) as file:
            content = file.read(_MOST_BYTES)
    except OSError:
        return []
    latest = time.time() + _AHEAD_SECONDS
    found = [(at, entry) for entry in _entries(content) if (at := _time(entry, latest)) is not None]
    found.sort(key=lambda pair: pair[0])
    measures = []
    cpu_seconds = 0.0
    for at, entry in _thinned(found, most):
        measure = _measure(at, entry)
        if measure.cpu_seconds is not None:
            if measure.cpu_seconds < cpu_seconds:
                # CPU time never decreases
                continue
            cpu_seconds = measure.cpu_seconds
        measures.append(measure)
    return measures


def _entries(content: bytes) -> list[Any]:
    # the last line may be incomplete
    lines = [line for line in content.split(b"\n")[:-1] if line]
    found = []
    for begin in range(0, len(lines), _AT_ONCE):
        found += _several(lines[begin : begin + _AT_ONCE])
    return found


def _several(lines: list[bytes]) -> list[Any]:
    """The entries of some lines; parsing them together takes a third of the time, unless one of them is damaged."""
    try:
        found = json.loads(b"[" + b",".join(lines) + b"]")
        if len(found) == len(lines):
            return list(found)
    except (ValueError, RecursionError):
        pass
    return list(_one_by_one(lines))


def _one_by_one(lines: Iterable[bytes]) -> Iterable[Any]:
    for line in lines:
        if len(line) <= _LONGEST_LINE:
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                continue


def _time(entry: object, latest: float) -> float | None:
    at = entry.get("at") if isinstance(entry, dict) else None
    return float(at) if isinstance(at, int | float) and _EARLIEST <= at <= latest else None


def _thinned(found: list[tuple[float, Any]], most: int) -> list[tuple[float, Any]]:
    if len(found) <= most:
        return found
    begin = found[0][0]
    width = (found[-1][0] - begin) / max(1, most - 1)
    kept: dict[int, tuple[float, Any]] = {}
    for pair in found:
        number = int((pair[0] - begin) / width) if width else 0
        if number not in kept or _memory(pair[1]) > _memory(kept[number][1]):
            kept[number] = pair
    return list(kept.values())


def _memory(entry: Mapping[str, Any]) -> float:
    return _number(entry, "memory_bytes") or 0


def _measure(at: float, entry: Mapping[str, Any]) -> Measure:
    gpus = entry.get("gpus")
    return Measure(
        at,
        _number(entry, "cpu_seconds"),
        _count(entry, "memory_bytes"),
        _count(entry, "processes"),
        _count(entry, "disk_bytes"),
        tuple(_gpu(gpu) for gpu in gpus[:_MOST_GPUS] if isinstance(gpu, dict)) if isinstance(gpus, list) else (),
    )


def _gpu(entry: Mapping[str, Any]) -> GpuUse:
    utilization = _number(entry, "utilization")
    return GpuUse(
        str(entry.get("id"))[:_LONGEST_ID],
        None if utilization is None else min(1.0, utilization),
        _count(entry, "memory_bytes"),
    )


def _number(entry: Mapping[str, Any], key: str) -> float | None:
    """A plausible number: finite and not negative."""
    value = entry.get(key)
    return value if isinstance(value, int | float) and 0 <= value <= _MOST else None


def _count(entry: Mapping[str, Any], key: str) -> int | None:
    value = _number(entry, key)
    return None if value is None else int(value)
