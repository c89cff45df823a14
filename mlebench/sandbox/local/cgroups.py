"""Limits that the kernel holds: a control group (version 2) for each run, where this machine lets us make one.

It is made in the harness's own group or in the one around that, whichever is ours to divide: as root, or where systemd has handed
a part of the tree to the user, as `systemd-run --user --scope` does. Elsewhere there is none, and the watchdog alone looks.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from mlebench.profiles import Profile

_TREE, _OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_NEEDED = {"memory", "pids"}
_PERIOD = 100_000
"""Microseconds over which the kernel counts processor time."""


def divisible(tree: Path = _TREE, own: Path = _OWN) -> Path | None:
    """The group in which groups of runs can be made; None where there is none."""
    with contextlib.suppress(OSError):
        for line in own.read_text(encoding="utf-8", errors="replace").splitlines():
            number, _, rest = line.partition(":")
            if number == "0":
                group = tree / rest.partition(":")[2].lstrip("/")
                return next((found for found in (group, group.parent) if found.is_relative_to(tree) and _is_ours(found)), None)
    return None


def make_group(profile: Profile, name: str, tree: Path = _TREE, own: Path = _OWN) -> Path | None:
    """A new group with a profile's limits; None where none can be made.

    Args:
        profile: the limits.
        name: a name that no other run has; a group of that name is taken over.
        tree: where the kernel shows its groups.
        own: where it says which one this process is in.
    """
    parent = divisible(tree, own)
    if parent is None:
        return None
    group = parent / f"mlebench-{name}"
    try:
        group.mkdir(exist_ok=True)
        (group / "memory.max").write_text(str(profile.memory), encoding="ascii")
        (group / "pids.max").write_text(str(profile.pids), encoding="ascii")
        # kernels without swap, and trees without processor time, have no such files
        for file, value in (("memory.swap.max", "0"), ("cpu.max", f"{int(profile.cpus * _PERIOD)} {_PERIOD}")):
            if (group / file).exists():
                (group / file).write_text(value, encoding="ascii")
    except OSError:
        remove_group(group)
        return None
    return group


def used_in(group: Path) -> dict[str, Any]:
    """What a group has used, ready for JSON: `peak_memory_bytes`, `cpu_seconds`, and as `reason` out-of-memory where the kernel
    ended one of its processes for that."""
    found: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        found["peak_memory_bytes"] = int((group / "memory.peak").read_text(encoding="ascii"))
    with contextlib.suppress(OSError, ValueError, KeyError):
        found["cpu_seconds"] = round(_table(group / "cpu.stat")["usage_usec"] / 1e6, 3)
    with contextlib.suppress(OSError, ValueError, KeyError):
        if _table(group / "memory.events")["oom_kill"]:
            found |= {"reason": "out-of-memory", "used": int((group / "memory.max").read_text(encoding="ascii"))}
    return found


def remove_group(group: Path) -> None:
    """Take a group away in which nobody is any more."""
    with contextlib.suppress(OSError):
        group.rmdir()


def _is_ours(group: Path) -> bool:
    """Whether groups with limits of their own can be made in a group."""
    with contextlib.suppress(OSError):
        if not all(os.access(path, os.W_OK) for path in (group, group / "cgroup.procs", group / "cgroup.subtree_control")):
            return False
        if _words(group / "cgroup.subtree_control") >= _NEEDED:
            return True
        if not _words(group / "cgroup.controllers") >= _NEEDED or (group / "cgroup.procs").read_text(encoding="ascii").strip():
            # a group that holds processes itself cannot be divided
            return False
        more = _words(group / "cgroup.controllers") & {*_NEEDED, "cpu"}
        (group / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in sorted(more)), encoding="ascii")
        return True
    return False


def _words(path: Path) -> set[str]:
    return set(path.read_text(encoding="ascii").split())


def _table(path: Path) -> dict[str, int]:
    return {key: int(value) for key, _, value in (line.partition(" ") for line in path.read_text(encoding="ascii").splitlines())}
