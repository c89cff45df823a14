"""Md5 sums of files, and a cache that spares reading unchanged files twice."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mlebench._support.files import write_json

_CACHE = ".checksums.json"
_THREADS = 4
_BLOCK = 2**20


def md5(path: Path, read: Callable[[int], object] | None = None) -> str:
    """The md5 of a file as 32 hex digits.

    Args:
        path: the file.
        read: called with the number of bytes that were just read.
    """
    with path.open("rb") as file:
        if read is None:
            return hashlib.file_digest(file, "md5").hexdigest()
        digest = hashlib.md5()
        while block := file.read(_BLOCK):
            digest.update(block)
            read(len(block))
        return digest.hexdigest()


def md5_of(files: Sequence[Path]) -> list[str]:
    """The md5 of each of several files, some at a time."""
    # hashing leaves the interpreter to other threads
    with ThreadPoolExecutor(_THREADS) as threads:
        return [*threads.map(md5, files)]


class ChecksumCache:
    """Checksums that were computed before, valid for as long as a file's size, time and inode stay the same."""

    def __init__(self, path: Path) -> None:
        """Read what is at `path`, if anything."""
        self._path = path
        self._known: dict[str, list[object]] = {}
        self._changed = False
        with contextlib.suppress(OSError, ValueError, TypeError):
            self._known = dict(json.loads(path.read_text(encoding="utf-8")))

    @classmethod
    @contextlib.contextmanager
    def of(cls, folder: Path) -> Iterator[ChecksumCache]:
        """The cache in `folder`, written back at the end if it can be."""
        cache = cls(folder / _CACHE)
        try:
            yield cache
        finally:
            with contextlib.suppress(OSError):
                cache._save()

    def md5(self, path: Path) -> str:
        """The md5 of a file."""
        return self.look_up("md5", path, md5)

    def look_up(self, kind: str, path: Path, compute: Callable[[Path], str]) -> str:
        """A checksum of a file, computed only if the file has changed.

        Args:
            kind: a word for the kind of checksum.
            path: the file.
            compute: makes the checksum.
        """
        found = path.stat()
        key = f"{kind} {os.path.relpath(path, self._path.parent)}"
        state = [found.st_size, found.st_mtime_ns, found.st_ino]
        known = self._known.get(key)
        if known is not None and known[:-1] == state:
            return str(known[-1])
        digest = compute(path)
        self._known[key] = [*state, digest]
        self._changed = True
        return digest

    def _save(self) -> None:
        if self._changed:
            kept = {key: value for key, value in self._known.items() if (self._path.parent / key.partition(" ")[2]).exists()}
            write_json(self._path, kept)
