"""Brings what a local agent left into the state in which a container's outputs come out: plain files in plain folders.

It happens in place. Links, devices, pipes and sockets are removed, what the agent closed to itself is opened again, and the
run's log names what was left out.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from mlebench._support.folders import remove_tree
from mlebench._support.plain_files import kind_of, open_plain
from mlebench._support.quantities import show_size
from mlebench.sandbox.base import LARGEST_SUBMISSION, OUTPUT_FOLDERS
from mlebench.sandbox.left_out import LeftOut

_FOLDERS = ("attempts", "snapshots")
_DEEPEST, _LONGEST_NAME = 64, 3000


def reclaim(run_dir: Path) -> None:
    """Make a run's folder usable again: it is there and open to us, and where we write files and folders nothing else is."""
    with contextlib.suppress(OSError):
        run_dir.mkdir(parents=True, exist_ok=True)
        run_dir.chmod(stat.S_IMODE(run_dir.stat().st_mode) | 0o700)
        for path in list(run_dir.iterdir()):
            mode = path.lstat().st_mode
            # our files have a suffix (run.json, run.log, .outcome.json), our folders and the marks `cancel` and `stop` none
            is_in_the_way = not stat.S_ISREG(mode) if path.suffix else path.name in _FOLDERS and not stat.S_ISDIR(mode)
            if is_in_the_way:
                remove_tree(path)


def settle(run_dir: Path, largest: int, note: Callable[[str], None]) -> LeftOut:
    """Go through the output folders of an agent that has ended.

    Args:
        run_dir: the run's folder.
        largest: bytes of files that are kept, the submission not counted.
        note: receives one sentence per entry that is left out.

    Returns:
        what was left out.
    """
    settling = _Settling(run_dir, largest, note)
    for name in OUTPUT_FOLDERS:
        settling.output_folder(name)
    settling.left_out.summarise()
    return settling.left_out


class _Settling:
    def __init__(self, run_dir: Path, largest: int, note: Callable[[str], None]) -> None:
        self.left_out = LeftOut(note)
        self._run_dir = run_dir
        self._left = largest

    def output_folder(self, name: str) -> None:
        folder = self._run_dir / name
        try:
            mode = folder.lstat().st_mode
            if not stat.S_ISDIR(mode):
                self._drop(name, f"{kind_of(mode)}, not a folder any more")
        except OSError:
            self.left_out.add(name, "the agent removed it")
        try:
            folder.mkdir(exist_ok=True)
            self._folder((name,))
        except OSError as error:
            self.left_out.add(name, str(error.strerror))

    def _folder(self, parts: tuple[str, ...]) -> None:
        folder = self._path(parts)
        self._open(folder, folder.lstat().st_mode, 0o700)
        for path in list(folder.iterdir()):
            inside = (*parts, path.name)
            try:
                self._entry(inside)
            except OSError as error:
                self._drop("/".join(inside), str(error.strerror))

    def _entry(self, parts: tuple[str, ...]) -> None:
        name = "/".join(parts)
        status = self._path(parts).lstat()
        if stat.S_ISDIR(status.st_mode):
            if len(parts) > _DEEPEST or len(os.fsencode(name)) > _LONGEST_NAME:
                self._drop(name, "nested too deeply")
            else:
                self._folder(parts)
        elif not stat.S_ISREG(status.st_mode):
            self._drop(name, kind_of(status.st_mode))
        elif self._fits(parts, status.st_size):
            self._file(parts, status.st_mode)
        else:
            self._drop(name, f"{show_size(status.st_size)}, more than may be kept")

    def _fits(self, parts: tuple[str, ...], size: int) -> bool:
        if parts == ("submission", "submission.csv"):
            return size <= LARGEST_SUBMISSION
        if size > self._left:
            return False
        self._left -= size
        return True

    def _file(self, parts: tuple[str, ...], mode: int) -> None:
        path = self._path(parts)
        self._open(path, mode, 0o400)
        open_plain(path).close()

    def _open(self, path: Path, mode: int, least: int) -> None:
        """Give the owner `least`, and take the set-user-id and like bits away."""
        wanted = mode & 0o777 | least
        if wanted != stat.S_IMODE(mode):
            path.chmod(wanted)

    def _drop(self, name: str, reason: str) -> None:
        try:
            remove_tree(self._run_dir / name)
        except OSError as error:
            reason = f"{reason}, and it cannot be removed ({error.strerror})"
        self.left_out.add(name, reason)

    def _path(self, parts: tuple[str, ...]) -> Path:
        return self._run_dir.joinpath(*parts)
