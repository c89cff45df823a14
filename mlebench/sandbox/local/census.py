"""Counts what an agent keeps on disk, and in memory files held only by a mapping, a little at a time.

Folders are walked, and unlinked files are found among the open and mapped ones of its processes. The caller has other checks to
do meanwhile, which a flood of files must not delay. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

_DEEPEST = 250
"""Deepest nesting that is counted; each level takes a descriptor."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK = 512
_IN_MEMORY = (b"/memfd:", b"/dev/zero", b"/SYSV", b"/dev/shm/", b"/anon_hugepage")
_GONE = b" (deleted)"


class Census:
    """One count."""

    def __init__(self, folders: list[Path], processes: Callable[[], list[Path]], enough: int) -> None:
        """Args:
        folders: the folders that the agent writes.
        processes: returns the /proc folders of the agent's processes; called once all folders are counted.
        enough: bytes on disk above which counting stops.
        """
        self.size = 0
        """Bytes on disk, so far."""
        self.entries = 0
        """Files and folders, so far."""
        self.in_memory = 0
        """Bytes of mapped files in memory, so far; 0 if only root may query that."""
        self.is_too_deep = False
        """Whether folders are nested too deeply to be counted."""
        self.seconds = 0.0
        """CPU seconds used so far."""
        self._enough = enough
        self._steps = self._count(folders, processes)

    def advance(self, seconds: float) -> bool:
        """Continue counting for about that long; returns whether everything, or enough, is counted."""
        begun, ends = time.process_time(), time.monotonic() + seconds
        is_over = True
        for _ in self._steps:
            if self.is_too_deep or self.size > self._enough:
                break
            if time.monotonic() >= ends:
                is_over = False
                break
        if is_over:
            self._steps.close()
        self.seconds += time.process_time() - begun
        return is_over

    def _count(self, folders: list[Path], processes: Callable[[], list[Path]]) -> Generator[None, None, None]:
        for folder in folders:
            with contextlib.suppress(OSError):
                yield from self._folder(os.open(folder, _FOLDER), 0)
        seen: set[int] = set()
        for process in processes():
            for size in _open_without_name(process, seen):
                self.size += size
            yield
            for size, is_in_memory in _mapped_without_name(process, seen):
                if is_in_memory:
                    self.in_memory += size
                else:
                    self.size += size
            yield

    def _folder(self, descriptor: int, depth: int) -> Iterator[None]:
        """Count an open folder and close it; a link put in a folder's place cannot lead out."""
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):
                        status = entry.stat(follow_symlinks=False)
                        self.size += status.st_blocks * _BLOCK
                        self.entries += 1
                        if stat.S_ISDIR(status.st_mode):
                            if depth == _DEEPEST:
                                self.is_too_deep = True
                            else:
                                yield from self._folder(_open_folder(entry.name, descriptor), depth + 1)
                    yield
        finally:
            os.close(descriptor)


def mapped_in_memory(processes: list[Path]) -> int:
    """Bytes of the files in memory that processes have mapped; 0 if only root may query that."""
    seen: set[int] = set()
    return sum(size for process in processes for size, is_in_memory in _mapped_without_name(process, seen) if is_in_memory)


def _open_folder(name: str, within: int) -> int:
    """Open a folder of the agent's, which may have removed its own, and so our, access."""
    try:
        return os.open(name, _FOLDER, dir_fd=within)
    except PermissionError:
        found = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=within)
        try:
            Path(f"/proc/self/fd/{found}").chmod(0o700)
        finally:
            os.close(found)
        return os.open(name, _FOLDER, dir_fd=within)


def _open_without_name(process: Path, seen: set[int]) -> Iterator[int]:
    """Bytes of the files on disk that a process has open and that are no longer in any folder."""
    with contextlib.suppress(OSError), os.scandir(process / "fd") as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                status = entry.stat()
                is_gone = stat.S_ISREG(status.st_mode) and not status.st_nlink and status.st_ino not in seen
                if is_gone and not os.fsencode(Path(entry.path).readlink()).startswith(_IN_MEMORY):
                    seen.add(status.st_ino)
                    yield status.st_blocks * _BLOCK


def _mapped_without_name(process: Path, seen: set[int]) -> Iterator[tuple[int, bool]]:
    """Bytes of the unlinked files that a process has mapped, and whether they are in memory."""
    lengths: dict[int, int] = {}
    try:
        lines = (process / "maps").read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        words = line.split(None, 5)
        if line.endswith(_GONE) and len(words) == 6 and int(words[4]) not in seen:
            inode, is_in_memory = int(words[4]), words[5].startswith(_IN_MEMORY)
            begin, _, end = words[0].partition(b"-")
            # as shown in maps, without leading zeros
            place = process / "map_files" / f"{int(begin, 16):x}-{int(end, 16):x}"
            try:
                size = place.stat().st_blocks * _BLOCK
                seen.add(inode)
                lengths.pop(inode, None)
                yield size, is_in_memory
            except OSError:
                if not is_in_memory:
                    # only root may query; the mapped size is the minimum
                    lengths[inode] = lengths.get(inode, 0) + int(end, 16) - int(begin, 16)
    seen.update(lengths)
    yield from ((length, False) for length in lengths.values())
