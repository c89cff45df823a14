"""The public data of a run's `home/data`: files of its own, and none of the links leads to the folder that was prepared.

Small data is copied (or cloned, where the file system can), so that an agent may write into it. Large data is hard-linked: the
files are then those that were prepared, read-only, and whether somebody wrote into them is looked up when the run ends.
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
    """What lies in a run's `home/data`."""

    def __init__(self, public_dir: Path, target: Path, note: Callable[[str], None]) -> None:
        """Put the public data in place.

        Args:
            public_dir: the prepared folder.
            target: the folder to make.
            note: receives a sentence where the data takes space of its own although it is large.

        Raises:
            WorkFailed: a file of it is missing.
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
        """Whether the prepared data was changed since, as far as sizes and times tell; data that was copied cannot be."""
        try:
            return self._state is not None and state_of(self._public_dir) != self._state
        except OSError:
            return True


def _extent(folder: Path) -> tuple[int, int]:
    """How many files and bytes there are; stops counting where it is too much to copy."""
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
