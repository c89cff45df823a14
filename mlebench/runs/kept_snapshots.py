"""The copies of a submission taken while its agent worked, by time."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import NamedTuple

from mlebench._support.plain_files import first_entries
from mlebench.sandbox.snapshots import seconds_of

_MOST = 5000


class KeptSnapshot(NamedTuple):
    """A copy of a submission."""

    seconds: int
    """Since the agent's start."""
    bytes: int
    path: Path


def kept_snapshots(folder: Path, within: Path) -> list[KeptSnapshot]:
    """The snapshots of an attempt in chronological order; none if the folder is missing or unreadable.

    Args:
        folder: the run's folder, or that of an earlier attempt; its content is untrusted.
        within: the run's folder; no part of the path below it may be a link.
    """
    try:
        entries, _ = first_entries(folder / "snapshots", within, _MOST)
    except OSError:
        return []
    found = [
        KeptSnapshot(seconds, status.st_size, path)
        for name, status in entries
        if (path := folder / "snapshots" / name).suffix == ".csv"
        and stat.S_ISREG(status.st_mode)
        and (seconds := seconds_of(path)) is not None
    ]
    return sorted(found)
