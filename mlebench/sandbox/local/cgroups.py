"""Limits enforced by the kernel: a control group (v2) for each run, if this machine allows it.

It is created in the harness's own group or its parent, whichever may be subdivided: as root, or if systemd has delegated a part
of the tree to the user, as `systemd-run --user --scope` does. Otherwise there is none, and only the watchdog enforces limits.
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
"""Period in microseconds over which the kernel counts CPU time."""


def divisible(tree: Path = _TREE, own: Path = _OWN) -> Path | None:
    """The group in which groups of runs can be created; None if there is none."""
    with contextlib.suppress(OSError):
        for line in own.read_text(encoding="utf-8", errors="replace").splitlines():
            number, _, rest = line.partition(":")
            if number == "0":
                group = tree / rest.partition(":")[2].lstrip("/")
                return next((found for found in (group, group.parent) if found.is_relative_to(tree) and _is_ours(found)), None)
    return None


def make_group(profile: Profile, name: str, tree: Path = _TREE, own: Path = _OWN) -> Path | None:
    """A new group with a profile's limits; None if it cannot be created.

    Args:
        profile: the limits.
        name: a unique name; an existing group of that name is taken over.
        tree: mount point of the kernel's groups.
        own: file with this process's group.
    """
    parent = divisible(tree, own)
    if parent is None:
        return None
    group = parent / f"mlebench-{name}"
    try:
        group.mkdir(exist_ok=True)
        (group / "memory.max").write_text(str(profile.memory), encoding="ascii")
        (group / "pids.max").write_text(str(profile.pids), encoding="ascii")
        # kernels without swap, and trees without the CPU controller, lack these files
        for file, value in (("memory.swap.max", "0"), ("cpu.max", f"{int(profile.cpus * _PERIOD)} {_PERIOD}")):
            if (group / file).exists():
                (group / file).write_text(value, encoding="ascii")
    except OSError:
        remove_group(group)
        return None
    return group


def used_in(group: Path) -> dict[str, Any]:
    """A group's usage, ready for JSON: `peak_memory_bytes`, `cpu_seconds`, and `reason` out-of-memory if the kernel killed one of
    its processes for that."""
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
    """Remove an empty group."""
    with contextlib.suppress(OSError):
        group.rmdir()


def _is_ours(group: Path) -> bool:
    """Whether subgroups with separate limits can be created in a group."""
    with contextlib.suppress(OSError):
        if not all(os.access(path, os.W_OK) for path in (group, group / "cgroup.procs", group / "cgroup.subtree_control")):
            return False
        if _words(group / "cgroup.subtree_control") >= _NEEDED:
            return True
        if not _words(group / "cgroup.controllers") >= _NEEDED or (group / "cgroup.procs").read_text(encoding="ascii").strip():
            # a group that contains processes itself cannot be subdivided
            return False
        more = _words(group / "cgroup.controllers") & {*_NEEDED, "cpu"}
        (group / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in sorted(more)), encoding="ascii")
        return True
    return False


def _words(path: Path) -> set[str]:
    return set(path.read_text(encoding="ascii").split())


def _table(path: Path) -> dict[str, int]:
    return {key: int(value) for key, _, value in (line.partition(" ") for line in path.read_text(encoding="ascii").splitlines())}
