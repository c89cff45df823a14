"""Values made of files, kept as long as the files stay as they are."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

Value = TypeVar("Value")
_SETTLED_NANOSECONDS = 50_000_000
"""A file that was written less long ago may change again without its times telling."""


class FileState(NamedTuple):
    """What is another whenever a file was written, replaced or removed."""

    device: int
    inode: int
    size: int
    written_ns: int
    changed_ns: int


class Kept(Generic[Value]):
    """The last value that was made of some files."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._last: tuple[list[FileState | None], Value] | None = None

    def get(self, paths: Iterable[Path], make: Callable[[], Value]) -> Value:
        """The value, made again if one of the files was written, replaced or removed since.

        Args:
            paths: the files; that one is missing is a state like others.
            make: reads the files; what it raises is not kept.
        """
        states = [file_state(path) for path in paths]
        last = self._last
        if last is not None and last[0] == states:
            return last[1]
        newest = max((state.changed_ns for state in states if state), default=0)
        is_settled = newest + _SETTLED_NANOSECONDS < time.time_ns()
        value = make()
        self._last = (states, value) if is_settled else None
        return value


def file_state(path: Path | str) -> FileState | None:
    """The state of a file; None if it is missing, or cannot be looked at."""
    try:
        # the words of a path that explains why it is missing are for whoever opens it
        status = os.stat(str(path))  # noqa: PTH116
    except (OSError, ValueError):
        return None
    return FileState(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
