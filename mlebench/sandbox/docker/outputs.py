"""Extracts the output folders of a container. Everything in them was named and written by an agent and is untrusted.

Plain files and folders are extracted, under names that stay inside the target, up to limits on number, size and time. Sizes are
apparent sizes, including holes: that is what must be read, although holes take no disk space. Files that are too large, links,
devices and pipes are left out, which the run's log reports. A file too large to read past (a sparse file of 20 GB costs nothing
to create) ends the archive there; what comes after it is then fetched by name.

The agent's files never change the run's outcome: what cannot be extracted because of them is left out by name.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import tarfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlebench._support.plain_files import kind_of
from mlebench._support.quantities import show_duration, show_size
from mlebench._support.secrets import Mask, mask_stream
from mlebench.sandbox.base import LARGEST_SUBMISSION
from mlebench.sandbox.left_out import LeftOut
from mlebench.sandbox.sparse import write_sparse

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

_BLOCK = 2**16
"""Bytes; `tarfile` copies the rest of a block for each header."""
_READ_PAST = 2**30
"""Bytes read and dropped, over all folders."""
_MOST_ARCHIVES = 400
"""Most archives opened, over all folders; each keeps the engine busy for some hundredths of a second."""
_DEEPEST, _LONGEST_NAME = 64, 3000
_LEAST_SECONDS, _SLOWEST = 60.0, 50 * 2**20
"""Time limit for extraction: a minute for the files, plus what an engine on a slow disk needs for the bytes."""
_SUBMISSION = "/home/submission/submission.csv"
_OUR_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)
REMOVED = "the agent removed it"
"""Reason for a missing folder."""

Note = Callable[[str], None]


class NotHandedOut(OSError):
    """The engine works but cannot provide what the agent left at a path; the text says why."""


@dataclass(frozen=True)
class PathStatus:
    """The status of a path in a container."""

    mode: int
    """File type and permissions, as in `stat`."""
    size: int
    """Bytes, including holes."""
    modified: float
    """Unix time."""


class ArchiveSource(Protocol):
    """Source of archives: a container, or a test's own bytes."""

    def status(self, path: str) -> PathStatus | None:
        """The status of `path`, without following links; None if it does not exist.

        Raises:
            NotHandedOut: it cannot be determined.
        """
        ...

    def archive(self, path: str) -> Generator[bytes, None, None]:
        """A tar of the file or folder at `path`, whose name is each member's first part. Closed when no longer needed.

        Raises:
            FileNotFoundError: there is nothing at `path`.
            NotHandedOut: it cannot be provided.
        """
        ...

    def children(self, path: str) -> list[str]:
        """Names in the folder at `path` that the agent created.

        Raises:
            NotHandedOut: they cannot be listed.
        """
        ...


@dataclass
class Budget:
    """What may still be extracted. Shared by all folders of a run."""

    bytes: int
    files: int = 20_000
    """Entries per output folder, including those left out."""
    submission_bytes: int = LARGEST_SUBMISSION
    """Size limit of a submission, which is extracted first and outside the other limits."""

    @property
    def seconds(self) -> float:
        """Time limit for extraction."""
        return _LEAST_SECONDS + (self.bytes + self.submission_bytes) / _SLOWEST


@dataclass
class Taken:
    """What was extracted and what was not."""

    left_out: LeftOut
    files: int = 0
    bytes: int = 0


class Exhausted(Exception):
    """Reading stops; the text says why."""


class Meter:
    """Counts every byte that an engine provides, for any purpose, and ends the reading at a limit."""

    def __init__(self, most: int, seconds: float, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Args:
        most: limit in bytes.
        seconds: time limit for reading.
        is_wanted: whether to continue; called for each block.
        """
        self._left, self._most = most, most
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._is_wanted = is_wanted

    def count(self, size: int) -> None:
        """Count `size` more bytes.

        Raises:
            Exhausted: a limit is reached.
        """
        self._left -= size
        if self._left < 0:
            raise Exhausted(f"more than {show_size(self._most)} would have to be read")
        if time.monotonic() > self._end:
            raise Exhausted(f"extraction took longer than {show_duration(self._seconds)}")
        if not self._is_wanted():
            raise Exhausted("the run is being stopped")


def take_file(source: ArchiveSource, path: str, meter: Meter, target: Path) -> str:
    """Copy one file out of a container.

    Args:
        source: the container.
        path: the file's path in it.
        meter: ends the reading.
        target: where the copy goes.

    Returns:
        why it cannot be copied because of the agent; empty if it was copied.

    Raises:
        OSError: the engine fails, or the disk here is full.
    """
    try:
        with open_file(source, path, meter) as blocks:
            write_sparse(blocks, target)
    except (FileNotFoundError, NotHandedOut, Exhausted) as error:
        return str(error)
    return ""


def take_out(
    source: ArchiveSource, run_dir: Path, folders: Iterable[str], budget: Budget, note: Note, secrets: tuple[str, ...] = ()
) -> Taken:
    """Replace `run_dir/<folder>` by the content of `/home/<folder>` in the container.

    Args:
        source: the container.
        run_dir: the run's folder.
        folders: names of output folders.
        budget: the limits; used up as files are extracted.
        note: receives one sentence per file left out.
        secrets: values to mask in every file and every name.

    Returns:
        counts over all folders, and what was left out.

    Raises:
        OSError: the disk here is full or fails.
    """
    extraction = _Extraction(source, budget, note, secrets)
    for folder in folders:
        partial = run_dir / f".{folder}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        extraction.take_folder(folder, partial)
        shutil.rmtree(run_dir / folder, ignore_errors=True)
        partial.rename(run_dir / folder)
    extraction.taken.left_out.summarise()
    return extraction.taken


@contextmanager
def open_file(source: ArchiveSource, path: str, meter: Meter) -> Iterator[Iterator[bytes]]:
    """The content of one plain file, in blocks.

    Raises:
        FileNotFoundError: it does not exist.
        OSError: it is not a plain file, or its archive cannot be read.
        Exhausted: the meter's limit is reached.
    """
    try:
        with _open(source, path, meter) as archive:
            member = archive.next()
            if member is None or not member.isreg():
                raise FileNotFoundError(path)
            yield _blocks(archive, member)
    except tarfile.TarError as error:
        raise OSError(f"the archive of {path} is damaged ({error})") from error


class _GiveUp(Exception):
    """The archive cannot be read further; `after` is the last member seen, as parts below the folder."""

    def __init__(self, after: tuple[str, ...]) -> None:
        super().__init__()
        self.after = after


class _Extraction:
    def __init__(self, source: ArchiveSource, budget: Budget, note: Note, secrets: tuple[str, ...]) -> None:
        self.taken = Taken(LeftOut(note, secrets))
        self._leave_out = self.taken.left_out.add
        self._source = source
        self._budget = budget
        self._secrets = secrets
        self._mask = Mask(secrets)
        self._meter = Meter(budget.bytes + budget.submission_bytes + _READ_PAST, budget.seconds)
        self._read_past = _READ_PAST
        self._opened = 0
        self._in_folder = 0
        self._last = ""
        self._last_parent: Path | None = None

    def take_folder(self, folder: str, target: Path) -> None:
        self._in_folder = 0
        self._last = f"{folder}/"
        try:
            if not self._is_folder(folder):
                return
            if folder == "submission":
                self._take_submission(target)
            self._take_rest(folder, target)
        except Exhausted as spent:
            self._leave_out(self._last, f"and what comes after it: {spent}")

    def _is_folder(self, folder: str) -> bool:
        try:
            status = self._source.status(f"/home/{folder}")
        except NotHandedOut as error:
            self._leave_out(f"{folder}/", str(error))
            return False
        if status is None:
            self._leave_out(f"{folder}/", REMOVED)
        elif not stat.S_ISDIR(status.mode):
            self._leave_out(f"{folder}/", f"{kind_of(status.mode)}, not a folder any more")
        return status is not None and stat.S_ISDIR(status.mode)

    def _take_submission(self, target: Path) -> None:
        """Extracted first, so that a flood of other files cannot keep it from being graded."""
        name = "submission/submission.csv"
        try:
            status = self._source.status(_SUBMISSION)
            if status is None:
                return
            if not stat.S_ISREG(status.mode):
                self._leave_out(name, kind_of(status.mode))
            elif status.size > self._budget.submission_bytes:
                self._leave_out(name, f"{show_size(status.size)}, more than {show_size(self._budget.submission_bytes)}")
            else:
                with open_file(self._source, _SUBMISSION, self._meter) as blocks:
                    self._write(blocks, target / "submission.csv", name)
        except Exhausted as spent:
            self._leave_out(name, str(spent))
        except (FileNotFoundError, NotHandedOut) as error:
            self._leave_out(name, str(error))

    def _take_rest(self, folder: str, target: Path) -> None:
        waiting: list[tuple[str, ...]] = [()]
        while waiting and self._in_folder < self._budget.files:
            parts = waiting.pop()
            self._last = "/".join((folder, *parts))
            if parts and self._is_too_large():
                continue
            if self._opened >= _MOST_ARCHIVES:
                self._leave_out(self._last, "and all after it: too many large files")
                return
            self._opened += 1
            try:
                self._take(folder, parts, target)
            except _GiveUp as stop:
                waiting += reversed(self._rest_after(folder, parts, stop.after))
        if self._in_folder >= self._budget.files:
            self._leave_out(f"{folder}/", f"what comes after the first {self._in_folder} files")

    def _is_too_large(self) -> bool:
        """Whether an entry to be fetched by name is left out for its size: a status costs less than an archive."""
        try:
            status = self._source.status(f"/home/{self._last}")
        except NotHandedOut:
            # the archive will show why
            return False
        self._meter.count(0)
        if status is None or not stat.S_ISREG(status.mode) or status.size <= self._budget.bytes:
            return False
        # the submission has been handled already
        if self._last != "submission/submission.csv":
            self._in_folder += 1
            self._leave_out(self._last, f"{show_size(status.size)}, more than may be extracted")
        return True

    def _take(self, folder: str, parts: tuple[str, ...], target: Path) -> None:
        path = "/".join(["/home", folder, *parts])
        try:
            with _open(self._source, path, self._meter) as archive:
                while self._in_folder < self._budget.files and (member := archive.next()) is not None:
                    # tarfile keeps every member it has seen, which may be millions
                    archive.members.clear()  # type: ignore[attr-defined]
                    inside = (*parts, *member.name.strip("/").split("/")[1:])
                    if folder == "submission" and inside == ("submission.csv",):
                        self._skip(member, inside)
                    elif inside or not member.isdir():
                        self._in_folder += 1
                        self._last = "/".join((folder, *inside))
                        self._take_member(archive, member, inside, target)
        except FileNotFoundError:
            # names that are not UTF-8 are listed in a form under which nothing is found
            self._leave_out("/".join((folder, *parts)), "it cannot be fetched by name")
        except NotHandedOut as error:
            self._leave_out("/".join((folder, *parts)), str(error))
        except tarfile.TarError as error:
            self._leave_out(self._last, f"the archive is damaged ({error})")

    def _take_member(self, archive: tarfile.TarFile, member: tarfile.TarInfo, inside: tuple[str, ...], target: Path) -> None:
        reason = _unwanted(member, inside) if inside else "no folder any more"
        if reason is None and member.isreg() and member.size > self._budget.bytes:
            reason = f"{show_size(member.size)}, more than may be extracted"
        if reason is not None:
            self._leave_out(self._last, reason)
            self._skip(member, inside)
            return
        # masked as a whole path: a secret with a slash spans the names of a folder and a file
        path = target / self._mask.apply_to_text("/".join(inside))
        try:
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
                return
            if path.parent != self._last_parent:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._last_parent = path.parent
        except OSError as error:
            self._refused(self._last, error)
            self._skip(member, inside)
            return
        self._write(_blocks(archive, member), path, self._last)
        self._budget.bytes -= member.size

    def _write(self, blocks: Iterator[bytes], path: Path, name: str) -> None:
        try:
            self.taken.bytes += write_sparse(mask_stream(blocks, self._secrets) if self._secrets else blocks, path)
            self.taken.files += 1
        except FileExistsError as error:
            self._refused(name, error)
        except BaseException as error:
            # an incomplete file is removed
            path.unlink(missing_ok=True)
            if not isinstance(error, OSError) or isinstance(error, NotHandedOut):
                raise
            self._refused(name, error)

    def _refused(self, name: str, error: OSError) -> None:
        """Whether an error is due to the agent, such as a name that this file system rejects, and not, say, a full disk."""
        if error.errno is None or error.errno in _OUR_DISK:
            raise error
        self._leave_out(name, str(error.strerror))

    def _skip(self, member: tarfile.TarInfo, inside: tuple[str, ...]) -> None:
        """Read past a member of the archive."""
        if not member.isreg():
            return
        if member.size > self._read_past:
            raise _GiveUp(inside)
        self._read_past -= member.size

    def _rest_after(self, folder: str, start: tuple[str, ...], last: tuple[str, ...]) -> list[tuple[str, ...]]:
        """What an archive of `start` would have contained after `last`: archives walk folders in name order."""
        rest = []
        for depth in range(len(last) - 1, len(start) - 1, -1):
            above = last[:depth]
            try:
                names = self._source.children("/".join(["/home", folder, *above]))
            except NotHandedOut as error:
                self._leave_out("/".join((folder, *last)), f"and what comes after it: {error}")
                return []
            later = sorted((name for name in names if os.fsencode(name) > os.fsencode(last[depth])), key=os.fsencode)
            rest += [(*above, name) for name in later]
        return rest


def _unwanted(member: tarfile.TarInfo, inside: tuple[str, ...]) -> str | None:
    if member.issym() or member.islnk():
        return "a link"
    if not (member.isreg() or member.isdir()):
        return "a device or pipe"
    if any(part in ("", ".", "..") or "\0" in part for part in inside):
        return "an unsafe name"
    if len(inside) > _DEEPEST or sum(len(os.fsencode(part)) + 1 for part in inside) > _LONGEST_NAME:
        return "nested too deeply"
    return None


@contextmanager
def _open(source: ArchiveSource, path: str, meter: Meter) -> Iterator[tarfile.TarFile]:
    blocks = source.archive(path)
    try:
        with tarfile.open(fileobj=_Stream(blocks, meter), mode="r|", bufsize=_BLOCK) as archive:
            yield archive
    finally:
        # an engine keeps a container locked while one of its archives is read
        blocks.close()


def _blocks(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    """The content of the archive's current member; `extractfile` would copy each byte three times."""
    stream, left = archive.fileobj, member.size
    while left > 0:
        block = stream.read(min(_BLOCK, left)) if stream is not None else b""
        if not block:
            raise tarfile.ReadError("unexpected end of data")
        left -= len(block)
        yield block


class _Stream(io.RawIOBase):
    """Input for `tarfile`: the blocks of a response in sequence, each counted."""

    def __init__(self, blocks: Iterator[bytes], meter: Meter) -> None:
        self._blocks = blocks
        self._meter = meter
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._meter.count(len(block))
            self._rest = memoryview(block)
        target = memoryview(buffer)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
