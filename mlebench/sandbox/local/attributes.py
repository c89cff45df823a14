"""File attributes that prevent even the owner from changing or removing files (`chattr +i`, `chattr +a`)."""

from __future__ import annotations

import contextlib
import os
import struct
from pathlib import Path

_GET, _SET = 0x80086601, 0x40086602
_APPEND_ONLY, _IMMUTABLE = 0x20, 0x10
_LOCKS = _APPEND_ONLY | _IMMUTABLE


def release(path: Path) -> None:
    """Clear these attributes of a file or folder, if this user may; only a user who can set them can clear them."""
    with contextlib.suppress(OSError, ImportError):
        import fcntl

        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            (flags,) = struct.unpack("l", fcntl.ioctl(descriptor, _GET, struct.pack("l", 0)))
            if flags & _LOCKS:
                fcntl.ioctl(descriptor, _SET, struct.pack("l", flags & ~_LOCKS))
        finally:
            os.close(descriptor)


def release_below(path: Path) -> None:
    """The same for everything in a folder, and for its parent folder."""
    release(path.parent)
    waiting = [path]
    while waiting:
        inside = waiting.pop()
        release(inside)
        # a link to a folder would lead out of the run
        if not inside.is_symlink():
            with contextlib.suppress(OSError), os.scandir(inside) as entries:
                waiting += [Path(entry.path) for entry in entries if not entry.is_symlink()]
