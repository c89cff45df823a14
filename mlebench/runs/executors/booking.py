"""Books the CPUs, memory and GPUs of one machine, so that it is never oversubscribed and no two runs share a GPU."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from grading.wording import counted
from mlebench._support.quantities import show_size
from mlebench.profiles import Profile
from mlebench.runs.leases import Leases


@dataclass(frozen=True)
class Need:
    """The resources that one run occupies."""

    cpus: float
    memory: int
    """Bytes."""
    gpus: int

    @classmethod
    def of(cls, profile: Profile) -> Need:
        """The resources that a profile promises a run."""
        return cls(profile.cpus, profile.memory, profile.gpus)


class Booking:
    """The resources still free. Not thread-safe: only one thread books."""

    def __init__(self, cpus: float, memory: int, gpu_ids: Sequence[str]) -> None:
        self._cpus = cpus
        self._memory = memory
        self._gpu_ids = tuple(gpu_ids)
        self._free_cpus = cpus
        self._free_memory = memory
        self._free_gpus = list(gpu_ids)
        self._taken: dict[str, tuple[Need, tuple[str, ...]]] = {}

    def shortage(self, need: Need) -> str | None:
        """Why a run could never start here, with profile settings that would fit; or None."""
        lacking = []
        if need.cpus > self._cpus:
            lacking.append((_cpus(need.cpus), _cpus(self._cpus), f"cpus={self._cpus:g}"))
        if need.memory > self._memory:
            most = f"memory={self._memory // 2**20}m"
            lacking.append((f"{show_size(need.memory)} of memory", show_size(self._memory), most))
        if need.gpus > len(self._gpu_ids):
            lacking.append((counted(need.gpus, "GPU"), counted(len(self._gpu_ids), "GPU"), f"gpus={len(self._gpu_ids)}"))
        if not lacking:
            return None
        needed, there, settings = zip(*lacking, strict=True)
        words = " ".join(f"--profile-set {setting}" for setting in settings)
        return f"it needs {' and '.join(needed)}, but this machine has {' and '.join(there)}; `{words}` fits"

    def capacity(self, need: Need) -> int:
        """How many such runs fit at once on the empty machine."""
        rooms = [int(self._cpus / need.cpus + 1e-9), self._memory // need.memory]
        if need.gpus:
            rooms.append(len(self._gpu_ids) // need.gpus)
        return max(0, min(rooms))

    def lacking(self, need: Need) -> list[str]:
        """The parts of a need that are not free now, such as `4 free CPUs`; empty if all are."""
        lacking = []
        if need.cpus > self._free_cpus + 1e-9:
            lacking.append(counted_free(need.cpus, "CPU"))
        if need.memory > self._free_memory:
            lacking.append(f"{show_size(need.memory)} of free memory")
        if need.gpus > len(self._free_gpus):
            lacking.append(counted_free(need.gpus, "GPU"))
        return lacking

    def take(self, key: str, need: Need, leases: Leases | None = None) -> tuple[str, ...] | None:
        """Book for the run `key`.

        Args:
            key: unique name of the run.
            need: its resources.
            leases: leases of GPUs against other harnesses on the machine.

        Returns:
            the ids of its GPUs, or None if there is no room now.
        """
        fits = need.cpus <= self._free_cpus + 1e-9 and need.memory <= self._free_memory
        if not fits or need.gpus > len(self._free_gpus):
            return None
        free = (gpu for gpu in self._free_gpus if leases is None or leases.acquire(gpu))
        gpus = tuple(itertools.islice(free, need.gpus))
        if len(gpus) < need.gpus:
            # two harnesses that keep what they cannot use would deadlock
            if leases is not None:
                leases.release(*gpus)
            return None
        self._enter(key, need, gpus)
        return gpus

    def take_over(self, key: str, need: Need, gpu_ids: Sequence[str]) -> None:
        """Book for a run that is already running, with the GPUs that it holds, whether there is room or not."""
        self._enter(key, need, tuple(gpu_ids))

    def _enter(self, key: str, need: Need, gpu_ids: tuple[str, ...]) -> None:
        if key in self._taken:
            raise ValueError(f"{key} is booked already")
        self._free_gpus = [gpu for gpu in self._free_gpus if gpu not in gpu_ids]
        self._free_cpus -= need.cpus
        self._free_memory -= need.memory
        self._taken[key] = (need, gpu_ids)

    def give_back(self, key: str) -> tuple[str, ...]:
        """Release the resources of run `key`; returns the GPUs that are free again."""
        need, gpus = self._taken.pop(key)
        self._free_cpus += need.cpus
        self._free_memory += need.memory
        still_held = {gpu for _, held in self._taken.values() for gpu in held}
        freed = tuple(gpu for gpu in gpus if gpu in self._gpu_ids and gpu not in still_held)
        self._free_gpus.extend(freed)
        return freed


def counted_free(count: float, noun: str) -> str:
    """`a free GPU`, `2.5 free CPUs`."""
    return f"a free {noun}" if count == 1 else f"{count:g} free {noun}s"


def _cpus(count: float) -> str:
    return counted(int(count), "CPU") if count == int(count) else f"{count:g} CPUs"
