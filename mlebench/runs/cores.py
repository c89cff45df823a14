"""Cores of a run's own: chosen among those that this machine gives, and leased between its harnesses.

A run of whole CPUs has its cores for itself. A part of a CPU is counted in quarters and shares its core with other parts. Where
other harnesses hold every core, a run shares those that the fewest runs hold: it neither waits nor fails.
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
"""Runs of different harnesses on one core; beyond that, a run is bound to no core."""
_QUARTERS = 4
_TOPOLOGY = Path("/sys/devices/system/cpu")


class Cores:
    """The cores of one run, held until `close` or until this process ends."""

    def __init__(self, folder: Path | None = None, topology: Path = _TOPOLOGY) -> None:
        """Args:
        folder: of the locks; that of the whole machine by default.
        topology: where the kernel says which cores are threads of one physical core.
        """
        # runs that are bound to cores without a lock would all be bound to the same ones
        self._leases = Leases("cores", folder, free_without_lock=False)
        self._topology = topology

    def take(self, cpus: float, usable: Collection[int]) -> tuple[int, ...]:
        """Choose and lease.

        Args:
            cpus: what the run's profile promises.
            usable: cores that it may have, as the kernel numbers them.

        Returns:
            as many as `cpus` rounded up, or all of `usable` where those are fewer, the one that is shared with other parts of a
            CPU last; none where `usable` is empty or no lease can be had.
        """
        whole, quarters = _split(cpus)
        physical = _by_physical_core(usable, self._topology)
        chosen = self._take_whole(whole, physical)
        if quarters:
            # from the other end, so that whole cores stay in one piece
            rest = [core for core in reversed([*itertools.chain(*physical)]) if core not in chosen]
            chosen += self._take_part(rest, quarters)
        if len(chosen) < min(whole + bool(quarters), len(usable)):
            self.close()
            return ()
        return tuple(chosen)

    def take_again(self, cpus: float, core_ids: Sequence[int]) -> None:
        """Lease the cores that a running run has from an earlier harness."""
        whole, quarters = _split(cpus)
        self._take_whole(whole, [[core] for core in core_ids[:whole]])
        if quarters:
            self._take_part(core_ids[whole:], quarters)

    def close(self) -> None:
        """Give them back."""
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
        """Up to `count` cores that no more than `layer` others hold, whole physical cores first."""
        found: list[int] = []
        for siblings in physical:
            found += self._take_together(siblings, count - len(found), layer)
        for core in itertools.chain(*physical):
            if len(found) < count and core not in found and self._leases.acquire(f"{core}.{layer}"):
                found.append(core)
        return found

    def _take_together(self, siblings: Sequence[int], count: int, layer: int) -> Sequence[int]:
        """The first `count` threads of a physical core of which nobody holds any."""
        names = [f"{core}.{layer}" for core in siblings]
        if count <= 0 or not all(self._leases.acquire(name) for name in names):
            self._leases.release(*names)
            return ()
        self._leases.release(*names[count:])
        return siblings[:count]

    def _take_part(self, candidates: Iterable[int], quarters: int) -> list[int]:
        """One core of which so many quarters are free."""
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
    """Threads of one physical core together, cores of one package one after the other."""
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
    """Once in a process: what holds for one run holds for those beside it."""
    _log.warning("other harnesses hold this machine's cores, so runs share some of theirs and may take longer")
