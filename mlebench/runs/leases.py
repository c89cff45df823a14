"""Leases between the harnesses of one machine: locks that the operating system releases when their holder ends."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import logging
import os
import stat
from pathlib import Path
from typing import IO

_log = logging.getLogger("mlebench")
MACHINE_FOLDER = Path("/tmp")
"""Parent of the lock folders; not the temporary folder of a user or a job, which others on the machine would not see."""
_TRIES = 100


class Leases:
    """Resources of this machine that this process holds, by name. All users of the machine share the folder of locks.

    A lease ends with the process that took it, however that process ends.
    """

    def __init__(self, kind: str, folder: Path | None = None, *, free_without_lock: bool) -> None:
        """Args:
        kind: what is leased, such as `gpus`.
        folder: holds the locks; `/tmp/mlebench-<kind>` by default.
        free_without_lock: whether a resource counts as free, rather than taken, if no lock can be created; logged once.
        """
        self._folder = folder or MACHINE_FOLDER / f"mlebench-{kind}"
        self._free_without_lock = free_without_lock
        self._held: dict[str, IO[bytes]] = {}

    def acquire(self, name: str, *, shared: bool = False) -> bool:
        """Lease a resource; False if another holder has it.

        Args:
            name: the resource's name.
            shared: share it with others that also request it as shared.
        """
        if name in self._held:
            return True
        try:
            self._held[name] = _lock(self._folder, f"{name.replace('/', '_')}.lock", fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        except BlockingIOError:
            return False
        except OSError as error:
            _say_unusable(self._folder, error.strerror or str(error))
            return self._free_without_lock
        return True

    def release(self, *names: str) -> None:
        """Release resources; releasing one that is not held is not an error."""
        for name in names:
            if file := self._held.pop(name, None):
                # a process forked meanwhile also has the file open
                fcntl.flock(file, fcntl.LOCK_UN)
                file.close()

    def close(self) -> None:
        """Release everything."""
        self.release(*list(self._held))


@functools.cache
def _say_unusable(folder: Path, why: str) -> None:
    _log.warning(
        "no locks can be kept in %s (%s), so runs ignore those of other harnesses on this machine; have the folder removed",
        folder,
        why,
    )


def _lock(folder: Path, name: str, how: int) -> IO[bytes]:
    """Lock a file of the shared folder.

    Raises:
        BlockingIOError: another holder has it.
        OSError: it cannot be created.
    """
    place = _open_shared(folder)
    try:
        for _ in range(_TRIES):
            file = _open_lock(place, name)
            try:
                fcntl.flock(file, how | fcntl.LOCK_NB)
                # a clean-up may have removed it meanwhile, and a lock on an unlinked file excludes nobody
                if os.fstat(file.fileno()).st_nlink:
                    return file
            except BaseException:
                file.close()
                raise
            file.close()
    finally:
        os.close(place)
    raise OSError(f"{name} keeps being replaced")


def _open_shared(folder: Path) -> int:
    """A descriptor of the folder, in which every user may create files and remove their own.

    Raises:
        OSError: it is a link or a file, or another user's private folder.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(parents=True)
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(place)
        # its creator may have died before opening it to everyone
        if status.st_uid == os.geteuid() and stat.S_IMODE(status.st_mode) != 0o1777:
            os.fchmod(place, 0o1777)
    except BaseException:
        os.close(place)
        raise
    return place


def _open_lock(place: int, name: str) -> IO[bytes]:
    # another user's lock is read-only, which suffices to lock it; links are not followed, and pipes are not waited for
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    for _ in range(_TRIES):
        # the kernel may refuse O_CREAT for another user's file in a world-writable folder (fs.protected_regular)
        with contextlib.suppress(FileNotFoundError):
            return os.fdopen(os.open(name, flags, dir_fd=place), "rb")
        with contextlib.suppress(FileExistsError):
            made = os.open(name, flags | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=place)
            # others may lock it, whatever the umask
            os.fchmod(made, 0o644)
            return os.fdopen(made, "rb")
    raise OSError(f"{name} keeps being replaced")
