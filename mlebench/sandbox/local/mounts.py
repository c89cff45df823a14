"""Mounts that an agent made in its run's folder: nothing below them belongs to the run or may be removed or changed."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_DETACH_NOT_FOLLOWING = 2 | 8


def below(folder: Path) -> list[Path]:
    """Mount points at a folder or below it, innermost first; uses only the kernel's list."""
    try:
        lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    except OSError:
        return []
    # the folder's last path component may have become a link
    place = os.fsencode(folder.parent.resolve() / folder.name)
    points = [re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), line.split(b" ")[4]) for line in lines]
    inside = [point for point in points if point == place or point.startswith(place + b"/")]
    return [Path(os.fsdecode(point)) for point in reversed(inside)]


def release(folder: Path) -> None:
    """Unmount everything below a folder, as far as this user may."""
    points = below(folder)
    if points and sys.platform.startswith("linux"):
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        for point in points:
            libc.umount2(os.fsencode(point), _DETACH_NOT_FOLLOWING)
