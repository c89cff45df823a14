"""One maker at a time of what runs share on this machine, across the threads and processes of this user."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator

from mlebench._support.paths import make_private, socket_dir


@contextlib.contextmanager
def one_maker(what: str) -> Iterator[None]:
    """Be the only one inside for `what`, a word for a file's name; waits for whoever is. Not to be entered twice by one thread.

    The lock is the operating system's, which gives it back when its holder dies. Each entry opens the file again, so that it
    keeps threads apart as well.

    Raises:
        UsageError: the folder of sockets is not this user's own.
        OSError: it cannot be made.
    """
    folder = socket_dir()
    make_private(folder)
    with (folder / f"{what}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # a process that was forked meanwhile has the file open as well
            fcntl.flock(file, fcntl.LOCK_UN)
