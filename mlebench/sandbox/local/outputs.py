"""Brings a local agent's output into the form of a container's extracted output: plain files in plain folders.

This happens in place, once every process of the agent has ended. Links, devices, pipes and sockets are removed, as are files that
have another hard link outside the run's folder; permissions that the agent removed are restored; secrets are masked in names and
content. The run's log lists what was left out.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from secrets import token_hex
from typing import IO

from mlebench._support.folders import remove_tree
from mlebench._support.plain_files import kind_of
from mlebench._support.quantities import show_size
from mlebench._support.secrets import Mask, mask_stream
from mlebench.sandbox.base import LARGEST_SUBMISSION, OUTPUT_FOLDERS
from mlebench.sandbox.left_out import LeftOut
from mlebench.sandbox.local import attributes, mounts
from mlebench.sandbox.sparse import write_sparse

_FOLDERS = ("attempts", "snapshots")
_DEEPEST, _LONGEST_NAME = 64, 3000
_MOST_ENTRIES = 20_000
"""Most files and folders kept per output folder, as for a container."""
_LONGEST_SECONDS = 300.0
"""Time limit for masking; files not searched by then are left out."""
_BLOCK = 2**20
_SUBMISSION = ("submission", "submission.csv")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Note = Callable[[str], None]


def reclaim(run_dir: Path, note: Note) -> None:
    """Make a run's folder usable again: it exists and is accessible, and nothing blocks the names that we write.

    Args:
        run_dir: the folder.
        note: receives a sentence about each obstacle.
    """
    removed = []
    with contextlib.suppress(OSError):
        mounts.release(run_dir)
        if run_dir.is_symlink() or not run_dir.is_dir():
            removed.append(str(run_dir.name))
            remove_tree(run_dir)
        run_dir.mkdir(parents=True, exist_ok=True)
        attributes.release(run_dir)
        run_dir.chmod(stat.S_IMODE(run_dir.stat().st_mode) | 0o700)
        for path in list(run_dir.iterdir()):
            mode = path.lstat().st_mode
            # our files have a suffix (run.json, run.log, .outcome.json); our folders and the markers `cancel` and `stop` have
            # none
            if not stat.S_ISREG(mode) if path.suffix else path.name in _FOLDERS and not stat.S_ISDIR(mode):
                with contextlib.suppress(OSError):
                    _remove(path)
                    removed.append(f"{path.name} ({kind_of(mode)})")
            elif stat.S_ISREG(mode) or path.name in _FOLDERS:
                attributes.release(path)
    for name in removed:
        note(f"{name} blocked a name that the harness uses and was removed")


def settle(run_dir: Path, largest: int, note: Note, secrets: tuple[str, ...] = ()) -> LeftOut:
    """Clean the output folders of an agent that has ended.

    Args:
        run_dir: the run's folder.
        largest: total bytes of kept files, not counting the submission.
        note: receives one sentence per entry left out.
        secrets: values to mask in every file and every name.

    Returns:
        what was left out.
    """
    settling = _Settling(run_dir, largest, note, secrets)
    for name in OUTPUT_FOLDERS:
        settling.output_folder(name)
    settling.left_out.summarise()
    return settling.left_out


class _Settling:
    def __init__(self, run_dir: Path, largest: int, note: Note, secrets: tuple[str, ...]) -> None:
        self.left_out = LeftOut(note, secrets)
        self._run_dir = run_dir
        self._left = largest
        self._entries = 0
        self._secrets = secrets
        self._mask = Mask(secrets)
        self._ends = time.monotonic() + _LONGEST_SECONDS

    def output_folder(self, name: str) -> None:
        folder = self._run_dir / name
        if mounts.below(folder):
            self.left_out.add(name, "something is mounted there")
            return
        self._entries = 0
        try:
            mode = folder.lstat().st_mode
            if not stat.S_ISDIR(mode):
                self._drop((name,), f"{kind_of(mode)}, not a folder any more")
        except OSError:
            self.left_out.add(name, "the agent removed it")
        try:
            folder.mkdir(exist_ok=True)
            _open_to_owner(folder, folder.lstat().st_mode, 0o700)
            descriptor = os.open(folder, _FOLDER)
        except OSError as error:
            self.left_out.add(name, str(error.strerror))
            return
        try:
            if name == _SUBMISSION[0]:
                self._submission(descriptor)
            self._folder(descriptor, (name,))
        finally:
            os.close(descriptor)

    def _submission(self, folder: int) -> None:
        """Handled first, so that a flood of other files cannot keep it from being graded."""
        try:
            status = os.stat(_SUBMISSION[1], dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return
        self._try(folder, _SUBMISSION, status)

    def _folder(self, folder: int, parts: tuple[str, ...]) -> None:
        names = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    inside = (*parts, entry.name)
                    if inside != _SUBMISSION and self._try(folder, inside, entry.stat(follow_symlinks=False)):
                        names.append(entry.name)
        except OSError as error:
            self.left_out.add("/".join(parts), f"some of it could not be read ({error.strerror})")
        if self._secrets:
            for name in names:
                self._mask_name(folder, (*parts, name))

    def _try(self, folder: int, parts: tuple[str, ...], status: os.stat_result) -> bool:
        """Whether an entry is kept."""
        self._entries += parts != _SUBMISSION
        try:
            reason = self._refusal(parts, status)
            if reason is None:
                if stat.S_ISDIR(status.st_mode):
                    self._inner_folder(folder, parts, status)
                else:
                    self._file(folder, parts, status)
                return True
        except OSError as error:
            reason = str(error.strerror)
        self._drop(parts, reason, folder)
        return False

    def _refusal(self, parts: tuple[str, ...], status: os.stat_result) -> str | None:
        """Why an entry is not kept."""
        if self._entries > _MOST_ENTRIES and parts != _SUBMISSION:
            return f"more than {_MOST_ENTRIES:,} files and folders"
        if stat.S_ISDIR(status.st_mode) and parts != _SUBMISSION:
            deep = len(parts) > _DEEPEST or len(os.fsencode("/".join(parts))) > _LONGEST_NAME
            return "nested too deeply" if deep else None
        if not stat.S_ISREG(status.st_mode):
            return kind_of(status.st_mode)
        size = _size(status)
        if size > (LARGEST_SUBMISSION if parts == _SUBMISSION else self._left):
            return f"{show_size(size)}, more than may be kept"
        if status.st_nlink > 1 and status.st_nlink > self._names_within[status.st_dev, status.st_ino]:
            return "a link to a file outside the run's folder"
        if self._secrets and time.monotonic() > self._ends:
            return f"not searched for secrets within {_LONGEST_SECONDS:g} s"
        return None

    @cached_property
    def _names_within(self) -> Counter[tuple[int, int]]:
        """For files with several hard links, the number of those in the run's folder."""
        return Counter(
            (status.st_dev, status.st_ino)
            for status in _files(self._run_dir)
            if status.st_nlink > 1 and stat.S_ISREG(status.st_mode)
        )

    def _inner_folder(self, folder: int, parts: tuple[str, ...], status: os.stat_result) -> None:
        _open_to_owner(parts[-1], status.st_mode, 0o700, folder)
        inner = os.open(parts[-1], _FOLDER, dir_fd=folder)
        try:
            self._folder(inner, parts)
        finally:
            os.close(inner)

    def _file(self, folder: int, parts: tuple[str, ...], status: os.stat_result) -> None:
        name = parts[-1]
        _open_to_owner(name, status.st_mode, 0o400, folder)
        if parts != _SUBMISSION:
            self._left -= _size(status)
        if self._secrets and status.st_size:
            self._mask_content(folder, name, status.st_mode)
        elif status.st_uid != os.geteuid() or parts == _SUBMISSION:
            os.close(os.open(name, _FILE, dir_fd=folder))

    def _mask_content(self, folder: int, name: str, mode: int) -> None:
        """Rewrite a file with a secret as a new file: it may have other names, and readers of the old one must not see half of
        it."""
        with os.fdopen(os.open(name, _FILE, dir_fd=folder), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if sum(map(len, mask_stream(_blocks(file, size), self._secrets))) == size:
                # the mask is shorter than any secret
                return
            file.seek(0)
            partial = f".{token_hex(8)}.partial"
            try:
                write_sparse(mask_stream(_blocks(file, size), self._secrets), partial, folder)
                os.chmod(partial, mode & 0o777 | 0o400, dir_fd=folder)
                os.replace(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(partial, dir_fd=folder)
                raise

    def _mask_name(self, folder: int, parts: tuple[str, ...]) -> None:
        masked = self._mask.apply_to_text(parts[-1])
        if masked == parts[-1]:
            return
        free, number = masked, 1
        with contextlib.suppress(OSError):
            while _exists(free, folder):
                number += 1
                free = f"{masked}-{number}"
            os.rename(parts[-1], free, src_dir_fd=folder, dst_dir_fd=folder)
            return
        self._drop(parts, "its name holds a secret")

    def _drop(self, parts: tuple[str, ...], reason: str, folder: int | None = None) -> None:
        try:
            _remove(self._run_dir.joinpath(*parts), folder)
        except OSError as error:
            reason = f"{reason}, and it cannot be removed ({error.strerror})"
        self.left_out.add("/".join(parts), reason)


def _blocks(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (block := file.read(min(_BLOCK, size))):
        size -= len(block)
        yield block


def _size(status: os.stat_result) -> int:
    """Size of a file, or its allocated size if that is far larger."""
    taken = status.st_blocks * 512
    return taken if taken > status.st_size + _BLOCK else status.st_size


def _files(folder: Path) -> Iterator[os.stat_result]:
    """The files in a folder and below, down to the depth that is kept."""
    waiting = [(folder, 0)]
    while waiting:
        inside, depth = waiting.pop()
        with contextlib.suppress(OSError), os.scandir(inside) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    with contextlib.suppress(OSError):
                        yield entry.stat(follow_symlinks=False)
                elif depth <= _DEEPEST:
                    waiting.append((Path(entry.path), depth + 1))


def _open_to_owner(path: Path | str, mode: int, least: int, folder: int | None = None) -> None:
    """Grant the owner at least `least`, and clear the set-user-id and similar bits."""
    wanted = mode & 0o777 | least
    if wanted != stat.S_IMODE(mode):
        os.chmod(path, wanted, dir_fd=folder)


def _exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _remove(path: Path, folder: int | None = None) -> None:
    """Remove `path`; `folder` is its parent folder's descriptor, if open."""
    if folder is not None:
        # usually not a folder
        with contextlib.suppress(OSError):
            os.unlink(path.name, dir_fd=folder)
            return
    try:
        remove_tree(path)
    except PermissionError:
        attributes.release_below(path)
        remove_tree(path)
