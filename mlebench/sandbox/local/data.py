"""The public data in a run's `home/data`: separate files, and no link leads to the prepared folder.

Small data is copied (or cloned, if the file system supports it), so that an agent may modify it. Large data is hard-linked: its
files are the prepared ones, read-only, and are checked for modifications when the run ends.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from mlebench._support.folders import state_of
from mlebench._support.quantities import show_size
from mlebench.data.links import link_tree, may_link

MOST_COPIED_FILES, MOST_COPIED_BYTES = 1_000, 64 * 2**20


class LaidData:
    """The content of a run's `home/data`."""

    def __init__(self, public_dir: Path, target: Path, note: Callable[[str], None]) -> None:
        """Put the public data in place.

        Args:
            public_dir: the prepared folder.
            target: the folder to create.
            note: receives a sentence if large data had to be copied.

        Raises:
            WorkFailed: a file is missing.
            OSError: the disk is full, or a file cannot be read.
        """
        self._public_dir = public_dir
        files, size = _extent(public_dir)
        self.is_linked = files > MOST_COPIED_FILES or size > MOST_COPIED_BYTES
        self._state = state_of(public_dir) if self.is_linked else None
        with may_link(public_dir) if self.is_linked else contextlib.nullcontext():
            link_tree(public_dir, target)
        if self.is_linked and not any(status.st_nlink > 1 for status in _files(target)):
            note(f"the public data ({show_size(size)} at least) could not be linked and was copied for this run")

    def was_changed(self) -> bool:
        """Whether the prepared data has changed since, judging by sizes and times; copied data cannot have."""
        try:
            return self._state is not None and state_of(self._public_dir) != self._state
        except OSError:
            return True


def _extent(folder: Path) -> tuple[int, int]:
    """Number of files and bytes; stops counting once there is too much to copy."""
    files = size = 0
    for status in _files(folder):
        files += 1
        size += status.st_size
        if files > MOST_COPIED_FILES or size > MOST_COPIED_BYTES:
            break
    return files, size


def _files(folder: Path) -> Iterator[os.stat_result]:
    for _, _, names, descriptor in os.fwalk(folder):
        for name in names:
            yield os.stat(name, dir_fd=descriptor)
