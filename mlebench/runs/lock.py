"""One harness per run group: a lock that the operating system releases when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from mlebench._support.hints import command
from mlebench._support.plain_files import open_plain
from mlebench.errors import UsageError

_LONGEST_HOLDER = 1000
_PATIENCE_SECONDS, _TRY_EVERY_SECONDS = 0.5, 0.02
_LONGEST_CHECK_SECONDS = 60.0


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold the lock of the group in `folder`.

    Raises:
        UsageError: another harness holds it.
    """
    path = folder / ".lock"
    with path.open("a+", encoding="utf-8") as file:
        try:
            _lock(file)
        except BlockingIOError:
            holder = path.read_text(encoding="utf-8").strip()
            watching = command("runs", folder.name, "--watch", runs_dir=folder.absolute().parent)
            raise UsageError(f"run group {folder.name} is already running ({holder}); watch it with {watching}") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield


def is_held(folder: Path) -> bool:
    """Whether a harness runs the group in `folder`."""
    return holder(folder) is not None


def holder(folder: Path) -> str | None:
    """The process that holds the lock of the group in `folder`, such as `process 17 on node3`; None if none does."""
    try:
        with open_plain(folder / ".lock") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read(_LONGEST_HOLDER).decode("utf-8", "replace").strip()
    except OSError:
        return None
    return None


def _lock(file: IO[str]) -> None:
    """Lock with retries: checking whether the lock is held takes it for an instant, which must not turn a harness away.

    On a busy machine, the process that checks may be suspended during that instant.

    Raises:
        BlockingIOError: it remains held.
    """
    begun = time.monotonic()
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            patience = _PATIENCE_SECONDS if _is_exclusive(file) else _LONGEST_CHECK_SECONDS
            if time.monotonic() >= begun + patience:
                raise
            time.sleep(_TRY_EVERY_SECONDS)


def _is_exclusive(file: IO[str]) -> bool:
    """Whether a harness holds the lock, not just processes that check it."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False
