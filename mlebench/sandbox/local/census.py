"""Counts what an agent keeps on disk, and in files of memory that only a mapping holds: a little at a time.

Folders are walked, and files that have lost their names are looked up among the open and mapped ones of its processes. Whoever
counts has other things to look at meanwhile, which no flood of files is to delay. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

_DEEPEST = 250
"""Folders within folders that are counted; each takes a descriptor meanwhile."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK = 512
_IN_MEMORY = (b"/memfd:", b"/dev/zero", b"/SYSV", b"/dev/shm/", b"/anon_hugepage")
_GONE = b" (deleted)"


class Census:
    """One count."""

    def __init__(self, folders: list[Path], processes: Callable[[], list[Path]], enough: int) -> None:
        """Args:
        folders: those that the agent writes.
        processes: folders in /proc of the agent's processes, asked for once all folders are counted.
        enough: bytes on disk beyond which counting stops.
        """
        self.size = 0
        """Bytes on disk, so far."""
        self.entries = 0
        """Files and folders, so far."""
        self.in_memory = 0
        """Bytes of files in memory that are mapped, so far; 0 where only root may ask for that."""
        self.is_too_deep = False
        """Folders are nested too deeply to be counted."""
        self.seconds = 0.0
        """Of a processor that it took so far."""
        self._enough = enough
        self._steps = self._count(folders, processes)

    def advance(self, seconds: float) -> bool:
        """Count on for about so long; whether that was all, or enough."""
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
        """Count an open folder, which is closed; no link that the agent puts in a folder's place leads out."""
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
    """Bytes of the files in memory that processes have mapped; 0 where only root may ask for that."""
    seen: set[int] = set()
    return sum(size for process in processes for size, is_in_memory in _mapped_without_name(process, seen) if is_in_memory)


def _open_folder(name: str, within: int) -> int:
    """Open a folder of the agent's, which may have closed it to itself, and so to us."""
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
    """Bytes of the files on disk that a process has open and that no folder holds any more."""
    with contextlib.suppress(OSError), os.scandir(process / "fd") as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                status = entry.stat()
                is_gone = stat.S_ISREG(status.st_mode) and not status.st_nlink and status.st_ino not in seen
                if is_gone and not os.fsencode(Path(entry.path).readlink()).startswith(_IN_MEMORY):
                    seen.add(status.st_ino)
                    yield status.st_blocks * _BLOCK


def _mapped_without_name(process: Path, seen: set[int]) -> Iterator[tuple[int, bool]]:
    """Bytes of the files without a name that a process has mapped, and whether they are in memory."""
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
            # as maps shows them, without leading zeros
            place = process / "map_files" / f"{int(begin, 16):x}-{int(end, 16):x}"
            try:
                size = place.stat().st_blocks * _BLOCK
                seen.add(inode)
                lengths.pop(inode, None)
                yield size, is_in_memory
            except OSError:
                if not is_in_memory:
                    # root alone may ask; what is mapped is the least that it takes
                    lengths[inode] = lengths.get(inode, 0) + int(end, 16) - int(begin, 16)
    seen.update(lengths)
    yield from ((length, False) for length in lengths.values())
