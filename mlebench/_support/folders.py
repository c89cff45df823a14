"""Folders that only ever appear complete, and what stops work on them, as one sentence for the user."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlebench.errors import MlebenchError, UsageError, WorkFailed

PARTIAL = ".partial-"
"""What begins with this next to a finished folder is half made, and removed by the next call."""


def put_in_place(made: Path, target: Path) -> None:
    """Give a complete folder its name, on the same file system; what stood there is removed."""
    if target.exists():
        import tempfile

        with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=target.parent, ignore_cleanup_errors=True) as old:
            target.rename(Path(old) / "old")
            made.rename(target)
    else:
        made.rename(target)


def entries_of(folder: Path, pattern: str = "*") -> list[Path]:
    """What is in a folder and fits a pattern, by name; nothing where there is no folder, or one that is closed."""
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(entry.stat().st_size for entry in _files(folder))


def free_space(folder: Path) -> int:
    """Bytes free where `folder` is or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _files(folder: Path) -> Iterator[os.DirEntry[Any]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                yield entry


def state_of(path: Path) -> str:
    """Size and time of a file, or a hash of the names, sizes and times of all that is in a folder; links are not followed."""
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return f"{status.st_size} {status.st_mtime_ns}"
    return _state_of_folder(path)


def _state_of_folder(folder: str | Path) -> str:
    found = hashlib.md5()
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                state = _state_of_folder(entry.path)
            else:
                status = entry.stat(follow_symlinks=False)
                state = f"{status.st_size} {status.st_mtime_ns}"
            found.update(os.fsencode(entry.name) + f"\0{state}\n".encode())
    return found.hexdigest()


def explain(error: OSError, doing: str, folder: Path) -> MlebenchError:
    """What the user can do about an error of the file system.

    Args:
        error: the error.
        doing: what failed, such as `downloading leaf-classification`.
        folder: where the work writes to.
    """
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorkFailed(f"the disk is full while {doing} in {folder}; nothing is lost: free disk space and try again")
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR):
        place = Path(str(error.filename or folder))
        if not (place.is_relative_to(folder) or folder.is_relative_to(place)):
            return UsageError(f"cannot use {place} ({error.strerror}); make it readable for this user and try again")
        return UsageError(f"cannot write {place} ({error.strerror}); choose another place with --data-dir")
    if isinstance(error, FileNotFoundError) and error.filename and folder.is_relative_to(error.filename):
        return UsageError(f"cannot create the folder {error.filename}; choose another place with --data-dir")
    return WorkFailed(f"{doing} failed: {error}")


def remove_tree(path: Path) -> None:
    """Remove what is at `path`, whatever somebody put there; nothing is there afterwards. No link is followed.

    Folders without permissions and folders nested deeper than a path or a program's stack may be are removed as well.

    Raises:
        OSError: it belongs to another user, or the disk fails.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        path.unlink()
        return
    lifted = os.urandom(8).hex()
    count = 0
    while folders := _remove_files(path):
        for folder in folders:
            # what lies deeper is brought up, so that no path grows long
            for inner in _remove_files(folder):
                count += 1
                inner.chmod(0o700)
                inner.rename(path / f"{lifted}-{count}")
            folder.rmdir()
    path.rmdir()


def _remove_files(folder: Path) -> list[Path]:
    """Remove all but the folders in a folder; returns these."""
    folder.chmod(0o700)
    folders = []
    for path in list(folder.iterdir()):
        if stat.S_ISDIR(path.lstat().st_mode):
            folders.append(path)
        else:
            path.unlink()
    return folders
