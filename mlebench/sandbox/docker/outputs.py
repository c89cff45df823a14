"""Takes the output folders out of a container. Everything in them was named and written by an agent: nothing is trusted.

Plain files and folders come out, under names that stay inside the target, up to a number and a size. Links, devices,
pipes and what is too large are left out, and the run's log says so. A file that is too large to be read past (an empty
file of 20 GB costs nothing to make) ends the archive there; what comes after it is then fetched by name.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlebench._support.quantities import show_size
from mlebench._support.secrets import Mask, mask_stream
from mlebench.sandbox.base import LARGEST_SUBMISSION
from mlebench.sandbox.left_out import LeftOut

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

_BLOCK = 2**20
_READ_PAST = 4 * 2**30
"""Bytes of files that are too large which are read and dropped, over all folders, before an archive is given up."""
_REOPENED = 400
"""How often an archive is opened anew after it was given up, over all folders."""
_DEEPEST, _LONGEST_NAME = 64, 3000

Note = Callable[[str], None]


class ArchiveSource(Protocol):
    """Where archives come from: a container, or a test's own bytes."""

    def archive(self, path: str) -> Generator[bytes, None, None]:
        """A tar of the file or folder at `path`, whose name is each member's first part. Closed when no more is wanted.

        Raises:
            FileNotFoundError: there is nothing at `path`.
        """
        ...

    def children(self, path: str) -> list[str]:
        """Names in the folder at `path` that the agent made."""
        ...


@dataclass
class Budget:
    """What may still be taken out. Shared by all folders of a run."""

    bytes: int
    files: int = 20_000
    """Files and folders, per output folder."""
    submission_bytes: int = LARGEST_SUBMISSION
    """The size of a submission, which is taken first and is outside the other limits."""


@dataclass
class Taken:
    """What came out and what did not."""

    left_out: LeftOut
    files: int = 0
    bytes: int = 0


def take_out(
    source: ArchiveSource, run_dir: Path, folders: Iterable[str], budget: Budget, note: Note, secrets: tuple[str, ...] = ()
) -> Taken:
    """Replace `run_dir/<folder>` by what the container holds under `/home/<folder>`.

    Args:
        source: the container.
        run_dir: the run's folder.
        folders: names of output folders.
        budget: the limits; used up as files are taken.
        note: receives one sentence per file that is left out.
        secrets: values that are masked in every file and every name.

    Returns:
        counts over all folders, and what was left out.
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


def read_file(source: ArchiveSource, path: str, target: Path, largest: int) -> tarfile.TarInfo | None:
    """Copy one plain file out.

    Returns:
        its name, size and time as the container has them; None when it is missing, no plain file or too large.

    Raises:
        OSError: it cannot be written here, or the archive that holds it cannot be read.
    """
    try:
        with _open(source, path) as archive:
            member = archive.next()
            if member is None or not member.isreg() or member.size > largest:
                return None
            _write(_blocks(archive, member), target, member.size)
            return member
    except FileNotFoundError:
        return None
    except tarfile.TarError as error:
        raise OSError(f"the archive of {path} is damaged ({error})") from error


class _GiveUp(Exception):
    """The archive cannot be read on; `after` is the last member seen, as parts below the folder."""

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
        self._read_past = _READ_PAST
        self._reopened = 0
        self._in_folder = 0
        self._last_parent: Path | None = None

    def take_folder(self, folder: str, target: Path) -> None:
        self._in_folder = 0
        if folder == "submission":
            self._take_submission(target)
        waiting: list[tuple[str, ...]] = [()]
        while waiting:
            parts = waiting.pop(0)
            try:
                self._take(folder, parts, target)
            except _GiveUp as stop:
                waiting = self._rest_after(folder, parts, stop.after) + waiting
                self._reopened += 1
                if self._reopened > _REOPENED and waiting:
                    self._leave_out(f"{folder}/{'/'.join(waiting[0])}", "and all after it: too many large files")
                    return
            if self._in_folder >= self._budget.files:
                self._leave_out(f"{folder}/", f"what comes after the first {self._in_folder} files")
                return

    def _take_submission(self, target: Path) -> None:
        """Before all else, so that no flood of other files can keep it from being graded."""
        path = "/home/submission/submission.csv"
        try:
            with _open(self._source, path) as archive:
                member = archive.next()
                if member is None:
                    return
                reason = _unwanted(member, ("submission.csv",))
                if reason is None and member.isdir():
                    reason = "a folder"
                if reason is None and member.size > self._budget.submission_bytes:
                    reason = f"{show_size(member.size)}, more than {show_size(self._budget.submission_bytes)}"
                if reason is None:
                    self._write_member(archive, member, target / "submission.csv", "submission/submission.csv")
                else:
                    self._leave_out("submission/submission.csv", reason)
        except FileNotFoundError:
            return
        except tarfile.TarError as error:
            self._leave_out("submission/submission.csv", f"the archive is damaged ({error})")

    def _take(self, folder: str, parts: tuple[str, ...], target: Path) -> None:
        path = "/".join(["/home", folder, *parts])
        try:
            with _open(self._source, path) as archive:
                while self._in_folder < self._budget.files and (member := archive.next()) is not None:
                    # it keeps every member it has seen, which may be millions
                    archive.members.clear()  # type: ignore[attr-defined]
                    inside = (*parts, *member.name.strip("/").split("/")[1:])
                    is_taken = folder == "submission" and inside == ("submission.csv",)
                    if is_taken:
                        self._skip(member, inside)
                    elif inside or not member.isdir():
                        self._take_member(archive, member, inside, folder, target)
        except FileNotFoundError:
            return
        except tarfile.TarError as error:
            self._leave_out(path, f"the archive is damaged ({error})")

    def _take_member(
        self, archive: tarfile.TarFile, member: tarfile.TarInfo, inside: tuple[str, ...], folder: str, target: Path
    ) -> None:
        name = "/".join((folder, *inside))
        reason = _unwanted(member, inside) if inside else "no folder any more"
        if reason is None and member.isreg() and member.size > self._budget.bytes:
            reason = f"{show_size(member.size)}, more than may be taken out"
        if reason is not None:
            self._leave_out(name, reason)
            self._skip(member, inside)
            return
        self._in_folder += 1
        path = target.joinpath(*(os.fsdecode(self._mask.apply(os.fsencode(part))) for part in inside))
        try:
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
                return
            if path.parent != self._last_parent:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._last_parent = path.parent
        except OSError as error:
            self._leave_out(name, str(error.strerror))
            return
        self._write_member(archive, member, path, name)
        self._budget.bytes -= member.size

    def _write_member(self, archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path, name: str) -> None:
        try:
            blocks = _blocks(archive, member)
            if self._secrets:
                _write(mask_stream(blocks, self._secrets), path, None)
            else:
                _write(blocks, path, member.size)
        except OSError as error:
            # a name that this file system does not take, or no space: the rest may still fit
            if not isinstance(error, FileExistsError):
                path.unlink(missing_ok=True)
            self._leave_out(name, str(error.strerror))
            return
        self.taken.files += 1
        self.taken.bytes += member.size

    def _skip(self, member: tarfile.TarInfo, inside: tuple[str, ...]) -> None:
        """The archive is read past a member."""
        if not member.isreg():
            return
        self._read_past -= member.size
        if self._read_past < 0:
            raise _GiveUp(inside)

    def _rest_after(self, folder: str, start: tuple[str, ...], last: tuple[str, ...]) -> list[tuple[str, ...]]:
        """What an archive of `start` would have brought after `last`: archives walk folders in the order of names."""
        rest = []
        for depth in range(len(last) - 1, len(start) - 1, -1):
            above = last[:depth]
            names = self._source.children("/".join(["/home", folder, *above]))
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
def _open(source: ArchiveSource, path: str) -> Iterator[tarfile.TarFile]:
    blocks = source.archive(path)
    try:
        with tarfile.open(fileobj=io.BufferedReader(_Stream(blocks), _BLOCK), mode="r|", bufsize=_BLOCK) as archive:
            yield archive
    finally:
        # an engine keeps a container locked for as long as one of its archives is read
        blocks.close()


def _blocks(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    file = archive.extractfile(member)
    while file is not None and (block := file.read(_BLOCK)):
        yield block


def _write(blocks: Iterable[bytes], path: Path, size: int | None) -> None:
    """Write a new file; stretches of zeros become holes."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        for block in blocks:
            if block.count(0) == len(block):
                file.seek(len(block), os.SEEK_CUR)
            else:
                file.write(block)
        file.truncate(file.tell() if size is None else size)


class _Stream(io.RawIOBase):
    """What `tarfile` reads from: the blocks of a response, one after the other."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = memoryview(block)
        target = memoryview(buffer)
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
