"""Plain files below a folder; no link is followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from mlebench.preparation.audit.seen.file import SeenFile


def plain_files(folder: Path, tell: Callable[[str, object], None]) -> Iterator[SeenFile]:
    """Yield files, links, pipes and everything else except folders, folder by folder.

    Args:
        folder: where to begin.
        tell: called with a path below the folder and what is wrong with it.
    """
    waiting = [""]
    while waiting:
        below = waiting.pop()
        try:
            with os.scandir(folder / below if below else folder) as found:
                entries = sorted(found, key=_name_of)
        except OSError as error:
            tell(below, error)
            continue
        for position, entry in enumerate(entries):
            path = f"{below}/{entry.name}" if below else entry.name
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                else:
                    yield _seen(path, position, entry)
            except OSError as error:
                tell(path, error)


def _name_of(entry: os.DirEntry[str]) -> str:
    return entry.name


def _seen(path: str, position: int, entry: os.DirEntry[str]) -> SeenFile:
    status = entry.stat(follow_symlinks=False)
    link = os.readlink(entry.path) if stat.S_ISLNK(status.st_mode) else None  # noqa: PTH115
    return SeenFile(path, status.st_size, status.st_mtime, position, None, stat.S_IMODE(status.st_mode), "", link)


def read_beginning(folder: Path, path: str, count: int) -> bytes:
    """The first bytes of a regular file, whatever else is there gives none.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = os.open(f"{folder}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.pread(descriptor, count, 0)
    except OSError:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise
        return b""
    finally:
        os.close(descriptor)
