"""A file that grows over several attempts and only gets its name when it is complete."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Identity(NamedTuple):
    """Identifies whether two responses of a server are for the same file."""

    length: int | None
    etag: str | None
    last_modified: str | None

    @classmethod
    def of(cls, headers: Mapping[str, str], offset: int = 0) -> Identity:
        """The identity that response headers tell, of a whole file or of its bytes from `offset` on."""
        whole, rest = headers.get("Content-Range", "").rpartition("/")[2], headers.get("Content-Length", "")
        length = int(whole) if whole.isdigit() else offset + int(rest) if rest.isdigit() else None
        return cls(length, headers.get("ETag"), headers.get("Last-Modified"))

    def agrees_with(self, other: Identity) -> bool:
        """Whether nothing that both tell differs."""
        return all(mine == theirs for mine, theirs in zip(self, other, strict=True) if mine is not None and theirs is not None)

    @property
    def validator(self) -> str | None:
        """What an `If-Range` header takes."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified


@dataclass
class PartialFile:
    """The beginning of `target`, in `<target>.part`; `<target>.part.json` identifies the file it is the beginning of.

    Bytes go straight to the file, so that what is there is always a true beginning, whenever the process ends.
    """

    target: Path
    descriptor: int

    def __len__(self) -> int:
        return os.fstat(self.descriptor).st_size

    def identity(self) -> Identity | None:
        """What the bytes that are there are the beginning of; None if that is not known."""
        try:
            found = Identity(**json.loads(_note_path(self.target).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return found if found.length is not None and len(self) <= found.length else None

    def begin(self, identity: Identity) -> None:
        """Drop all bytes and note what comes now."""
        self.empty()
        _note_path(self.target).write_text(json.dumps(identity._asdict()) + "\n", encoding="utf-8")

    def empty(self) -> None:
        """Drop all bytes."""
        os.ftruncate(self.descriptor, 0)

    def append(self, content: bytes) -> None:
        """Write bytes at the end."""
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self.descriptor, rest) :]

    def finish(self) -> Path:
        """Give the complete file its name."""
        os.fsync(self.descriptor)
        _part_path(self.target).rename(self.target)
        _note_path(self.target).unlink(missing_ok=True)
        return self.target


@contextlib.contextmanager
def partial_file(target: Path, waiting: Callable[[], None]) -> Iterator[PartialFile]:
    """Open the beginning of `target` for one process at a time; `waiting` is called before waiting for another."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        descriptor = _open_alone(_part_path(target), waiting, stack)
        try:
            yield PartialFile(target, descriptor)
        finally:
            if not os.fstat(descriptor).st_size:
                discard(target)


def discard(target: Path) -> None:
    """Remove what an unfinished attempt left."""
    _part_path(target).unlink(missing_ok=True)
    _note_path(target).unlink(missing_ok=True)


def bytes_there(target: Path) -> int:
    """Size of the beginning of `target`."""
    try:
        return _part_path(target).stat().st_size
    except OSError:
        return 0


def _open_alone(path: Path, waiting: Callable[[], None], stack: contextlib.ExitStack) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            # another process may have finished or removed it meanwhile
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                stack.callback(os.close, descriptor)
                return descriptor
        os.close(descriptor)


def _part_path(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _note_path(target: Path) -> Path:
    return target.with_name(f"{target.name}.part.json")
