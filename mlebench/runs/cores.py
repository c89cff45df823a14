"""Dedicated cores for a run, chosen from those available on this machine and leased between its harnesses.

A run with whole CPUs gets its cores exclusively. Fractions of a CPU are counted in quarters and share a core with other
fractions. If other harnesses hold every core, a run shares those with the fewest holders: it neither waits nor fails.
"""

from __future__ import annotations

import functools
import itertools
import logging
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from mlebench.runs.leases import Leases

_log = logging.getLogger("mlebench")
_MOST_SHARING = 16
"""Most runs of different harnesses on one core; beyond that, a run is not bound to a core."""
_QUARTERS = 4
_TOPOLOGY = Path("/sys/devices/system/cpu")


class Cores:
    """The cores of one run, held until `close` or until this process ends."""

    def __init__(self, folder: Path | None = None, topology: Path = _TOPOLOGY) -> None:
        """Args:
        folder: holds the locks; by default the machine-wide one.
        topology: where the kernel lists which cores are threads of one physical core.
        """
        # runs that are bound to cores without a lock would all be bound to the same ones
        self._leases = Leases("cores", folder, free_without_lock=False)
        self._topology = topology

    def take(self, cpus: float, usable: Collection[int]) -> tuple[int, ...]:
        """Choose and lease cores.

        Args:
            cpus: the number that the run's profile promises.
            usable: cores that it may get, by the kernel's numbers.

        Returns:
            as many as `cpus` rounded up, or all of `usable` if those are fewer, with the core shared between fractions last; none
            if `usable` is empty or no lease is possible.
        """
        whole, quarters = _split(cpus)
        physical = _by_physical_core(usable, self._topology)
        chosen = self._take_whole(whole, physical)
        if quarters:
            # from the other end, so that whole cores stay together
            rest = [core for core in reversed([*itertools.chain(*physical)]) if core not in chosen]
            chosen += self._take_part(rest, quarters)
        if len(chosen) < min(whole + bool(quarters), len(usable)):
            self.close()
            return ()
        return tuple(chosen)

    def take_again(self, cpus: float, core_ids: Sequence[int]) -> None:
        """Lease the cores that a running run got from an earlier harness."""
        whole, quarters = _split(cpus)
        self._take_whole(whole, [[core] for core in core_ids[:whole]])
        if quarters:
            self._take_part(core_ids[whole:], quarters)

    def close(self) -> None:
        """Release them."""
        self._leases.close()

    def _take_whole(self, count: int, physical: Sequence[Sequence[int]]) -> list[int]:
        taken: list[int] = []
        for layer in range(_MOST_SHARING):
            left = [[core for core in siblings if core not in taken] for siblings in physical]
            found = self._take_in_layer(count - len(taken), left, layer)
            if found and layer:
                _say_shared()
            taken += found
        return sorted(taken)

    def _take_in_layer(self, count: int, physical: Sequence[Sequence[int]], layer: int) -> list[int]:
        """Up to `count` cores with at most `layer` other holders, whole physical cores first."""
        found: list[int] = []
        for siblings in physical:
            found += self._take_together(siblings, count - len(found), layer)
        for core in itertools.chain(*physical):
            if len(found) < count and core not in found and self._leases.acquire(f"{core}.{layer}"):
                found.append(core)
        return found

    def _take_together(self, siblings: Sequence[int], count: int, layer: int) -> Sequence[int]:
        """The first `count` threads of a physical core that is entirely free."""
        names = [f"{core}.{layer}" for core in siblings]
        if count <= 0 or not all(self._leases.acquire(name) for name in names):
            self._leases.release(*names)
            return ()
        self._leases.release(*names[count:])
        return siblings[:count]

    def _take_part(self, candidates: Iterable[int], quarters: int) -> list[int]:
        """One core with that many free quarters."""
        for layer, core in itertools.product(range(_MOST_SHARING), candidates):
            if self._take_quarters(f"{core}.{layer}", quarters):
                if layer:
                    _say_shared()
                return [core]
        return []

    def _take_quarters(self, name: str, count: int) -> bool:
        if not self._leases.acquire(name, shared=True):
            return False
        free = (part for part in range(_QUARTERS) if self._leases.acquire(f"{name}.{part}"))
        if len([*itertools.islice(free, count)]) == count:
            return True
        self._leases.release(name, *(f"{name}.{part}" for part in range(_QUARTERS)))
        return False


def _split(cpus: float) -> tuple[int, int]:
    """Whole cores, and the quarters of one more."""
    return divmod(math.ceil(round(cpus * _QUARTERS, 6)), _QUARTERS)


def _by_physical_core(usable: Collection[int], topology: Path) -> list[list[int]]:
    """Cores sorted so that threads of one physical core, and cores of one package, are adjacent."""
    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    for core in sorted(usable):
        folder = topology / f"cpu{core}" / "topology"
        found[_read(folder / "physical_package_id"), _read(folder / "thread_siblings_list") or str(core)].append(core)
    return [found[place] for place in sorted(found, key=lambda place: (place[0].zfill(9), found[place]))]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


@functools.cache
def _say_shared() -> None:
    """Once per process: the warning applies to all its runs."""
    _log.warning("other mlebench processes use this machine's cores, so runs share some of them and may take longer")
