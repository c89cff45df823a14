"""What this machine has: CPUs, memory and GPUs, as far as this process may use them."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import platform
import re
import shutil
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Gpu:
    """One GPU, or one part of a GPU that is divided (MIG)."""

    id: str
    """What runs are given: the index of a GPU as `nvidia-smi` counts, the UUID of a part."""
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
        cpus=usable_cpus(),
        cpu_model=_cpu_model(),
        memory=_memory(),
        gpus=tuple(usable_gpus()),
        platform=platform.platform(),
    )


def usable_gpus() -> list[Gpu]:
    """The NVIDIA GPUs that `CUDA_VISIBLE_DEVICES` leaves to this process, in its order; empty if there is no driver.

    A GPU that is divided (MIG) stands for its parts, and each part is given to a run as a GPU.
    """
    return find_gpus(os.environ.get("CUDA_VISIBLE_DEVICES"))


def find_gpus(visible: str | None = None) -> list[Gpu]:
    """The NVIDIA GPUs of this machine that a value of `CUDA_VISIBLE_DEVICES` leaves; see `visible_gpus`."""
    if shutil.which("nvidia-smi") is None:
        return []
    try:
        listing = ask_nvidia("--list-gpus")
        memory = ask_nvidia("--query-gpu=uuid,memory.total", "--format=csv,noheader,nounits")
    except (OSError, subprocess.SubprocessError) as error:
        _log.warning("nvidia-smi lists no GPUs (%s); runs get none", error)
        return []
    return visible_gpus(_list_cards(listing, memory), visible)


@dataclass(frozen=True)
class Card:
    """A GPU as the driver lists it: the whole, by index and UUID, and the parts that it is divided into."""

    uuid: str
    whole: Gpu
    parts: tuple[Gpu, ...] = ()

    @property
    def gpus(self) -> tuple[Gpu, ...]:
        """What runs can be given of it."""
        return self.parts or (self.whole,)


def visible_gpus(cards: Sequence[Card], visible: str | None) -> list[Gpu]:
    """The GPUs that a value of `CUDA_VISIBLE_DEVICES` names, read as CUDA reads it.

    Args:
        cards: what the machine has.
        visible: indices, UUIDs and beginnings of UUIDs that fit one GPU (`GPU-…`, `MIG-…`, `MIG-GPU-…/1/0`); an entry that
            names nothing ends the list. None: all GPUs; empty: none.

    Returns:
        in the order named, each once.
    """
    if visible is None:
        return [gpu for card in cards for gpu in card.gpus]
    chosen: dict[str, Gpu] = {}
    for entry in visible.split(","):
        named = _named(entry.strip(), cards)
        if not named:
            break
        # CUDA does not say what a GPU named twice means; two runs must not get it
        chosen |= {gpu.id: gpu for gpu in named if gpu.id not in chosen}
    return list(chosen.values())


def _named(entry: str, cards: Sequence[Card]) -> tuple[Gpu, ...]:
    if entry.isdecimal():
        return cards[int(entry)].gpus if int(entry) < len(cards) else ()
    wholes = [card.gpus for card in cards if entry.startswith("GPU-") and card.uuid.startswith(entry)]
    parts = [part for card in cards for part in card.parts if entry.startswith("MIG-") and part.id.startswith(entry)]
    fitting = [*wholes, *((part,) for part in parts if part.id == entry or len(parts) == 1)]
    return fitting[0] if len(fitting) == 1 else _named_by_place(entry, cards)


def _named_by_place(entry: str, cards: Sequence[Card]) -> tuple[Gpu, ...]:
    """A part by its places in the GPU, `MIG-GPU-…/1/0`: drivers since 470 list another name and take this one still."""
    places = re.fullmatch(r"MIG-(GPU-[0-9a-f-]+)/\d+/\d+", entry)
    divided = [card for card in cards if card.parts and places and card.uuid == places[1]]
    # parts that are listed by place are all there are
    is_listed = any(part.id.startswith("MIG-GPU-") for card in divided for part in card.parts)
    return (Gpu(entry, f"{divided[0].whole.name} MIG", 0),) if divided and not is_listed else ()


def _list_cards(listing: str, memory: str) -> list[Card]:
    """Read `nvidia-smi --list-gpus` and `UUID, MiB` lines."""
    sizes = {uuid.strip(): int(size) * 2**20 for uuid, _, size in (line.partition(",") for line in memory.splitlines())
             if size.strip().isdigit()}  # fmt: skip
    cards: list[Card] = []
    for line in listing.splitlines():
        if whole := re.match(r"GPU (\d+): (.*) \(UUID: ([^)]+)\)", line):
            cards.append(Card(whole[3], Gpu(whole[1], whole[2], sizes.get(whole[3], 0))))
        elif (part := re.match(r"\s+MIG (\S+)\s+Device\s+\d+: \(UUID: ([^)]+)\)", line)) and cards:
            above = cards.pop()
            # the driver gives the size of a part by its profile's name alone, such as 3g.20gb
            size = re.search(r"(\d+)gb", part[1])
            gpu = Gpu(part[2], f"{above.whole.name} MIG {part[1]}", int(size[1]) * 2**30 if size else 0)
            cards.append(replace(above, parts=(*above.parts, gpu)))
    return cards


def ask_nvidia(*options: str) -> str:
    """What `nvidia-smi` prints.

    Raises:
        OSError, subprocess.SubprocessError: there is none, it fails or it takes more than 30 s.
    """
    said = subprocess.run(["nvidia-smi", *options], capture_output=True, timeout=30, check=True)
    return said.stdout.decode("utf-8", "replace")


def usable_cores() -> frozenset[int]:
    """The cores that this process may use, as the kernel numbers them; empty if the system does not say.

    A surrounding batch job, container or `taskset` leaves some of the machine's.
    """
    # by number: 0 stands for the calling thread, which may be bound more closely for a moment
    return frozenset(os.sched_getaffinity(os.getpid())) if hasattr(os, "sched_getaffinity") else frozenset()


def usable_cpus() -> int:
    """How many CPUs this process may use, with the limits of a surrounding container or batch job."""
    usable = len(usable_cores()) or os.cpu_count() or 1
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
        own: names the process's group, as `0::/a/b`; in a container that is `/`, and the container's limit is at the root.
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
