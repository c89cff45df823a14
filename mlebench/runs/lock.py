"""One harness per run group: a lock that the operating system gives back when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from mlebench._support.hints import command
from mlebench.errors import UsageError


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the lock of the group in `folder`.

    Raises:
        UsageError: another harness holds it.
    """
    path = folder / ".lock"
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = path.read_text(encoding="utf-8").strip()
            watching = command("runs", folder.name, "--watch", runs_dir=folder.absolute().parent)
            raise UsageError(f"run group {folder.name} is running already ({holder}); watch it with {watching}") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield


def is_held(folder: Path) -> bool:
    """Whether a harness runs the group in `folder`."""
    try:
        with (folder / ".lock").open("r", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
