"""What the GPUs of this machine do just now: asked once for all runs of this user, whatever process each of them is in."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mlebench._support.files import write_text
from mlebench._support.machine import ask_nvidia
from mlebench._support.one_maker import one_maker
from mlebench._support.paths import socket_dir
from mlebench._support.plain_files import read_plain
from mlebench.errors import UsageError

_FRESH_SECONDS = 1.5
_LARGEST = 2**16
_QUESTION = ("--query-gpu=index,uuid,utilization.gpu,memory.used", "--format=csv,noheader,nounits")


class GpuLoad(NamedTuple):
    """Of one GPU; None if the driver does not say, as for the parts of a divided one."""

    utilization: float | None
    """Share of the last moments, a second at most, in which it computed: 0 to 1."""
    memory_bytes: int | None


_UNKNOWN = GpuLoad(None, None)


def gpu_loads(ids: Sequence[str]) -> list[GpuLoad]:
    """The loads of some GPUs, in their order.

    Args:
        ids: as runs have them, see `machine.Gpu`.
    """
    if not any(map(_is_whole, ids)) or shutil.which("nvidia-smi") is None:
        return [_UNKNOWN] * len(ids)
    try:
        said = _said()
    except (OSError, UsageError):
        return [_UNKNOWN] * len(ids)
    return _of(ids, said)


def _is_whole(id_: str) -> bool:
    return id_.isdecimal() or id_.startswith("GPU-")


def _said() -> str:
    """The driver's answer, a moment old at most.

    Raises:
        UsageError, OSError: it can be kept nowhere.
    """
    # a job of Slurm may see its own GPUs alone, under separate numbers
    job = re.sub(r"\W", "", os.environ.get("SLURM_JOB_ID", ""))[:20]
    name = f"gpu-load{job}"
    kept = socket_dir() / f"{name}.csv"
    with one_maker(name):
        if not _is_fresh(kept):
            said = ""
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                said = ask_nvidia(*_QUESTION)
            # also where it failed: a driver that hangs is not asked by one run after the other
            write_text(kept, said)
        return read_plain(kept, _LARGEST).decode("utf-8", "replace")


def _is_fresh(kept: Path) -> bool:
    with contextlib.suppress(OSError):
        return 0 <= time.time() - kept.lstat().st_mtime <= _FRESH_SECONDS
    return False


def _of(ids: Sequence[str], said: str) -> list[GpuLoad]:
    loads: dict[str, GpuLoad] = {}
    wholes: list[GpuLoad] = []
    for line in said.splitlines():
        words = [word.strip() for word in line.split(",")]
        if len(words) == 4:
            load = GpuLoad(_utilization(words[2]), _memory(words[3]))
            loads |= {words[0]: load, words[1]: load}
            wholes.append(load)
    if len(wholes) == len(ids) and all(id_.isdecimal() for id_ in ids):
        # those that a job was given, numbered from 0 within it
        loads |= dict(zip(sorted(ids, key=int), wholes, strict=True))
    return [loads.get(id_, _UNKNOWN) for id_ in ids]


def _utilization(word: str) -> float | None:
    return int(word) / 100 if word.isdecimal() and len(word) <= 3 and int(word) <= 100 else None


def _memory(word: str) -> int | None:
    return int(word) * 2**20 if word.isdecimal() and len(word) < 10 else None
