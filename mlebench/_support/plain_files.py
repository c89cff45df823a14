"""Opens files that an agent left, or could have: no link is followed, nobody is waited for, nothing is read without end."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import IO

_NEVER_WAIT = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)


def open_plain(path: Path, within: Path | None = None) -> IO[bytes]:
    """Open a regular file for reading.

    Args:
        path: the file.
        within: a folder of ours above it; no part of the path below it may be a link. By default the file's own folder.

    Raises:
        OSError: there is none, it is something else (`strerror` is then `a link`, `a pipe`, …) or it may not be read.
    """
    above = path.parent if within is None else within
    parts = path.relative_to(above).parts
    folder = os.open(above, _FOLDER & ~os.O_NOFOLLOW)
    try:
        for part in parts[:-1]:
            inner = _open(part, _FOLDER, folder, path)
            os.close(folder)
            folder = inner
        return _regular(_open(parts[-1], os.O_RDONLY | _NEVER_WAIT, folder, path), "rb", path)
    finally:
        os.close(folder)


def read_plain(path: Path, most: int, within: Path | None = None) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises:
        OSError: as `open_plain`, or the file is larger.
    """
    with open_plain(path, within) as file:
        content = file.read(most + 1)
    if len(content) > most:
        # late, as the filter of a local run's log starts with this module
        from mlebench._support.quantities import show_size

        raise OSError(errno.EFBIG, f"larger than {show_size(most)}", str(path))
    return content


def entries_plain(folder: Path, within: Path, most: int) -> list[tuple[str, os.stat_result]]:
    """What is in a folder, by name, each with its status; links are not followed.

    Args:
        folder: the folder, however deep.
        within: a folder of ours above it, or itself; no part of the path below it may be a link.
        most: entries that it may have.

    Raises:
        OSError: there is none, it is something else, it may not be read or it holds more.
    """
    found, is_all = first_entries(folder, within, most)
    if not is_all:
        raise OSError(errno.E2BIG, f"more than {most:,} files", str(folder))
    return found


def first_entries(folder: Path, within: Path, most: int) -> tuple[list[tuple[str, os.stat_result]], bool]:
    """The same of a folder that may hold more: those that the file system names first, and whether they are all.

    Raises:
        OSError: there is none, it is something else or it may not be read.
    """
    inner = _open_folder(folder, within)
    try:
        names: list[str] = []
        is_all = True
        with os.scandir(inner) as entries:
            for entry in entries:
                if len(names) == most:
                    is_all = False
                    break
                names.append(entry.name)
        found = []
        for name in sorted(names):
            # one that has gone meanwhile is not there
            with contextlib.suppress(FileNotFoundError):
                found.append((name, os.stat(name, dir_fd=inner, follow_symlinks=False)))
        return found, is_all
    finally:
        os.close(inner)


def _open_folder(folder: Path, within: Path) -> int:
    descriptor = os.open(within, _FOLDER & ~os.O_NOFOLLOW)
    parts = folder.relative_to(within).parts
    for part in (*parts, "."):
        try:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC if part == "." else _FOLDER
            inner = _open(part, flags, descriptor, folder)
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def append_plain(path: Path) -> IO[bytes]:
    """Open a regular file for appending, unbuffered; makes it where it is not there.

    Raises:
        OSError: as `open_plain`.
    """
    return _regular(_open(str(path), os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NEVER_WAIT, None, path), "ab", path)


def kind_of(mode: int) -> str:
    """What a file's mode says it is: `a file`, `a folder`, `a link`, `a pipe`, `a socket` or `a device`."""
    if stat.S_ISREG(mode):
        return "a file"
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISLNK(mode):
        return "a link"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def _open(name: str, flags: int, folder: int | None, path: Path) -> int:
    try:
        return os.open(name, flags, 0o644, dir_fd=folder)
    except (FileNotFoundError, PermissionError):
        raise
    except OSError as error:
        # `too many levels of symbolic links` and `no such device or address` are said of links, pipes and sockets
        raise OSError(error.errno, _kind_at(name, folder) or error.strerror, str(path)) from None


def _kind_at(name: str, folder: int | None) -> str | None:
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except OSError:
        return None
    return None if stat.S_ISREG(mode) else kind_of(mode)


def _regular(descriptor: int, mode: str, path: Path) -> IO[bytes]:
    found = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(found):
        os.close(descriptor)
        raise OSError(errno.EINVAL, kind_of(found), str(path))
    return os.fdopen(descriptor, mode, buffering=0 if mode == "ab" else -1)
