"""Copies what a run of another harness left into the folder of a run: plain files alone, within bounds."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from grading.printable import printable
from mlebench._support.plain_files import entries_plain, open_plain
from mlebench.errors import WorkFailed
from mlebench.exports.imported.found import FoundRun, Left
from mlebench.sandbox.base import LARGEST_SUBMISSION

_MOST_FILES = 5_000
_MOST_BYTES = 2**30
"""Of what a run left beside its submission."""
_DEEPEST = 16
_BLOCK = 2**20


def copy_left(run: FoundRun, run_dir: Path) -> list[str]:
    """Copy what a run left into its folder.

    Returns:
        a clause for what is not a plain file, or beyond the bounds.

    Raises:
        WorkFailed: a file cannot be written.
    """
    notes: list[str] = []
    room = _Room()
    if run.submission is not None:
        notes += _copied(run.submission, run_dir, LARGEST_SUBMISSION, room)
    for left in run.left:
        notes += _copied(left, run_dir, None, room)
    if room.is_full:
        notes.append(f"only the first {_MOST_FILES:,} files and {_MOST_BYTES >> 30} GiB of its logs and code are kept")
    return notes


@dataclass
class _Room:
    """What may still be copied of a run."""

    files: int = _MOST_FILES
    size: int = _MOST_BYTES
    is_full: bool = False

    def take(self, size: int) -> bool:
        if self.files < 1 or self.size < size:
            self.is_full = True
            return False
        self.files, self.size = self.files - 1, self.size - size
        return True


def _copied(left: Left, run_dir: Path, most: int | None, room: _Room) -> Iterator[str]:
    """Copy a file or folder; yields clauses for what could not be."""
    try:
        status = left.path.lstat()
    except OSError:
        return
    if not stat.S_ISDIR(status.st_mode):
        if why := _copy_file(left.path, left.within, run_dir / left.target, most, room):
            yield _left_out(left.target, why)
        return
    waiting = [(left.path, run_dir / left.target, 0)]
    while waiting:
        folder, target, depth = waiting.pop()
        try:
            entries = entries_plain(folder, left.within, _MOST_FILES)
        except OSError as error:
            yield _left_out(target.relative_to(run_dir), str(error.strerror))
            continue
        for name, status in entries:
            if stat.S_ISDIR(status.st_mode):
                if depth == _DEEPEST:
                    yield _left_out((target / name).relative_to(run_dir), "it is nested too deeply")
                else:
                    waiting.append((folder / name, target / name, depth + 1))
            elif why := _copy_file(folder / name, left.within, target / name, None, room):
                yield _left_out((target / name).relative_to(run_dir), why)


def _left_out(name: str | Path, why: str) -> str:
    return f"{printable(os.fspath(name), 200)} is left out: {why}"


def _copy_file(source: Path, within: Path, target: Path, most: int | None, room: _Room) -> str | None:
    """Copy one file.

    Args:
        most: bytes that it may have; None counts it among what a run left.

    Returns:
        why it was not copied; None also where there was no room, which is told once.

    Raises:
        WorkFailed: it cannot be written.
    """
    try:
        with open_plain(source, within) as file:
            size = os.fstat(file.fileno()).st_size
            if most is not None and size > most:
                return "it is too large"
            if most is None and not room.take(size):
                return None
            _write(target, file, size)
            return None
    except OSError as error:
        return str(error.strerror)


def _write(target: Path, file: IO[bytes], size: int) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as copy:
            left = size
            # what a file has grown by meanwhile is not part of it
            while left and (block := file.read(min(_BLOCK, left))):
                copy.write(block)
                left -= len(block)
    except OSError as error:
        raise WorkFailed(f"cannot write {target}: {error.strerror}; choose another place with `--runs-dir`") from None
