"""What this machine has: CPUs, memory and GPUs, as far as this process may use them."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import shutil
import socket
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Gpu:
    """One GPU, by the id that runs are given."""

    id: str
    name: str
    memory: int
    """Bytes."""


@dataclass(frozen=True)
class Machine:
    """What runs can be given on this machine."""

    hostname: str
    cpus: int
    cpu_model: str
    memory: int
    """Bytes."""
    gpus: tuple[Gpu, ...]
    platform: str

    def to_dict(self) -> dict[str, Any]:
        """What manifests record."""
        return {**asdict(self), "gpus": [asdict(gpu) for gpu in self.gpus]}


@functools.cache
def this_machine() -> Machine:
    """Look at this machine; limits of a surrounding container or batch job are respected."""
    return Machine(
        hostname=socket.gethostname(),
        cpus=_cpus(),
        cpu_model=_cpu_model(),
        memory=_memory(),
        gpus=tuple(find_gpus()),
        platform=platform.platform(),
    )


def find_gpus() -> list[Gpu]:
    """The NVIDIA GPUs that `CUDA_VISIBLE_DEVICES` leaves to this process; empty where there is no driver."""
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", "--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader,nounits"]
    try:
        listing = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return visible_gpus(listing, os.environ.get("CUDA_VISIBLE_DEVICES"))


def visible_gpus(listing: str, visible: str | None) -> list[Gpu]:
    """GPUs in `index, uuid, name, MiB` lines, cut to `visible` (indices, UUIDs, beginnings of UUIDs; None: all)."""
    gpus = []
    wanted = None if visible is None else [entry for part in visible.split(",") if (entry := part.strip())]
    for line in listing.strip().splitlines():
        index, uuid, name, memory = (part.strip() for part in line.split(","))
        if wanted is None or index in wanted or uuid.startswith(tuple(wanted)):
            size = int(memory) * 2**20 if memory.isdigit() else 0
            gpus.append(Gpu(index, name, size))
    return gpus


def _cpus() -> int:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for limit in cgroup_limits("cpu.max"):
        with contextlib.suppress(ValueError):
            quota, period = limit.split()
            usable = min(usable, max(1, round(int(quota) / int(period))))
    return usable


def _memory() -> int:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0
    for limit in cgroup_limits("memory.max"):
        with contextlib.suppress(ValueError):
            total = min(total, int(limit))
    return total


def cgroup_limits(name: str, own: Path = Path("/proc/self/cgroup"), tree: Path = Path("/sys/fs/cgroup")) -> list[str]:
    """What the file `name` of this process's control group and of every group around it says (control groups v2).

    Args:
        name: such as `memory.max`.
        own: names the process's group, as `0::/a/b`; in a container that is `/`, and the container's limit lies at the root.
        tree: where the groups are mounted.
    """
    group = "/"
    with contextlib.suppress(OSError):
        group = next((line[3:] for line in own.read_text().splitlines() if line.startswith("0::")), "/")
    folder = tree / group.lstrip("/")
    found = []
    for place in [folder, *folder.parents]:
        if place.is_relative_to(tree):
            with contextlib.suppress(OSError):
                found.append((place / name).read_text().strip())
    return found


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
