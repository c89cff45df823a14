"""Putting unchanged files in place: hard links of files that are ours, reflinks or copies of everybody else's.

A hard link is the same file: whoever writes to the source changes the prepared data as well. So nothing is linked unless whoever
prepares said within `may_link` that it may be.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path

from mlebench.data.raw_faults import missing, not_a_file, not_a_folder, some_missing
from mlebench.errors import RawDataFault

_CANNOT_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EACCES, errno.ENOTSUP}
_FICLONE = 0x40049409
_NO_REFLINKS = {errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.ENOSYS}
_CANNOT_COPY_IN_KERNEL = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF, errno.ETXTBSY}
_PIECE = 96 * 1024
_WHOLE = 1 << 62
_WITHOUT_REFLINKS: set[tuple[int, int]] = set()
"""Pairs of devices between which nothing can be reflinked, as was found."""

FIXED_TIME = 1_704_067_200
"""Time (2024-01-01, in seconds) of files whose own time could tell where they come from."""


_NO_WRITING = ~0o222

_LINKABLE: ContextVar[tuple[Path, ...]] = ContextVar("_LINKABLE", default=())


@contextlib.contextmanager
def may_link(*folders: Path) -> Iterator[None]:
    """Allow files below these folders to become hard links within the `with`; all others are reflinked or copied.

    Linked files become read-only, and their sources with them, as both are one file.
    """
    token = _LINKABLE.set(tuple(folder.resolve() for folder in folders))
    try:
        yield
    finally:
        _LINKABLE.reset(token)


def link(source: Path, target: Path) -> None:
    """Put the file `source` in place as `target`, whose folder must exist: linked where that is allowed, else a separate copy.

    Raises:
        RawDataFault: if the source is missing or a folder.
    """
    try:
        if not (_is_linkable(source.parent) and _hard_link(source, target)):
            _clone_or_copy(source, target)
    except FileNotFoundError:
        if source.exists():
            raise
        raise missing(source) from None
    except IsADirectoryError:
        raise not_a_file(source) from None


def link_files(source: Path, target: Path, names: Iterable[str] | Mapping[str, str], *, hide_origin: bool = False) -> int:
    """Put `source/<name>` in place as `target/<name>` for each name, or as the name that the mapping gives it (see `link`).

    Args:
        source: a folder of the raw data.
        target: the folder, made if need be, even for no names.
        names: paths below `source`, a repeated one counts once; a mapping gives the path below `target` for each.
        hide_origin: copy in name order with one fixed time instead, for files whose position in the raw data reveals the
            answer: a link would show the raw file's inode number and time.

    Returns:
        The number of files.

    Raises:
        RawDataFault: if files are missing, naming how many and the first few.
    """
    pairs = list(names.items()) if isinstance(names, Mapping) else [(name, name) for name in dict.fromkeys(names)]
    make_folders(target, (new for _, new in pairs))
    try:
        if hide_origin:
            for old, new in pairs:
                _copy_dateless(source / old, target / new)
        else:
            _link_pairs(source, target, pairs)
    except (RawDataFault, FileNotFoundError):
        if lacking := [name for name, _ in pairs if not (source / name).exists()]:
            raise some_missing(lacking, source) from None
        raise
    return len(pairs)


def make_folders(target: Path, names: Iterable[str]) -> None:
    """Make `target` and the folders of the named paths below it."""
    target.mkdir(parents=True, exist_ok=True)
    for folder in {name.rpartition("/")[0] for name in names} - {""}:
        (target / folder).mkdir(parents=True, exist_ok=True)


def link_tree(source: Path, target: Path) -> int:
    """Put every file below `source` in the same place below `target` (see `link`).

    Returns:
        The number of files.

    Raises:
        RawDataFault: if `source` is missing.
    """
    if not source.is_dir():
        raise not_a_folder(source) if source.exists() else missing(f"the folder {source}")
    count = 0
    # links to folders are followed; `mlebench.preparation.raw_layout` has refused those that lead in a circle
    for folder, _, names in os.walk(source, followlinks=True):
        place = target / os.path.relpath(folder, source)
        place.mkdir(parents=True, exist_ok=True)
        _link_pairs(Path(folder), place, [(name, name) for name in names])
        count += len(names)
    return count


def _link_pairs(source: Path, target: Path, pairs: Sequence[tuple[str, str]]) -> None:
    """Put `source/<old>` in place as `target/<new>` for each pair; names below open folders spare the time of long paths."""
    if not pairs:
        return
    linkable = {inner: _is_linkable(source / inner) for inner in {old.rpartition("/")[0] for old, _ in pairs}}
    with _open_folder(source) as old_folder, _open_folder(target) as new_folder:
        for old, new in pairs:
            try:
                if not (linkable[old.rpartition("/")[0]] and _hard_link(old, new, old_folder, new_folder)):
                    _clone_or_copy(old, new, old_folder, new_folder)
            except OSError:
                # raises a clear error with full paths
                link(source / old, target / new)


def _is_linkable(folder: Path) -> bool:
    """Whether files of a folder may be linked, wherever its path leads over symbolic links."""
    allowed = _LINKABLE.get()
    real = folder.resolve() if allowed else folder
    return any(real.is_relative_to(root) for root in allowed)


def _hard_link(source: Path | str, target: Path | str, old_folder: int | None = None, new_folder: int | None = None) -> bool:
    """Make `target` the same, read-only file as `source`; False if links do not work, or the source is a symbolic link."""
    status = os.stat(source, dir_fd=old_folder, follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        return False
    try:
        os.link(source, target, src_dir_fd=old_folder, dst_dir_fd=new_folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        return False
    mode = stat.S_IMODE(status.st_mode)
    try:
        if mode != mode & _NO_WRITING:
            os.chmod(target, mode & _NO_WRITING, dir_fd=new_folder)
    except PermissionError:
        # somebody else's file
        os.unlink(target, dir_fd=new_folder)
        return False
    return True


@contextlib.contextmanager
def _open_folder(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def copy_range(source: int, target: int, start: int, count: int) -> None:
    """Append bytes of an open file to another, in the kernel where that can, without taking them into this process.

    Args:
        source: descriptor to read from, at any place.
        target: descriptor to write to, at its place.
        start: the first byte.
        count: how many; fewer are copied where the source ends before.
    """
    end = start + count
    try:
        while start < end and (done := os.copy_file_range(source, target, end - start, start)):
            start += done
    except OSError as error:
        if error.errno not in _CANNOT_COPY_IN_KERNEL:
            raise
    except AttributeError:
        # a system without the call
        pass
    # files of some kernel file systems say that they are empty
    while start < end and (piece := os.pread(source, min(_PIECE, end - start), start)):
        start += len(piece)
        while piece:
            piece = piece[os.write(target, piece) :]


def _clone_or_copy(source: Path | str, target: Path | str, old_folder: int | None = None, new_folder: int | None = None) -> None:
    """Make `target` a separate file with the content of `source`: a reflink where the file system has them, else a copy."""
    # a pipe without a writer would be waited for
    original = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=old_folder)
    try:
        status = os.fstat(original)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(source))
        if stat.S_ISFIFO(status.st_mode):
            raise shutil.SpecialFileError(f"`{source}` is a named pipe")
        clone = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666, dir_fd=new_folder)
        try:
            if os.path.samestat(status, os.fstat(clone)):
                raise shutil.SameFileError(f"{str(source)!r} and {str(target)!r} are the same file")
            os.ftruncate(clone, 0)
            if not _reflink(original, clone, status.st_dev):
                copy_range(original, clone, 0, _WHOLE)
        finally:
            os.close(clone)
    finally:
        os.close(original)


def _reflink(original: int, clone: int, device: int) -> bool:
    """Let an empty file share the blocks of another; False if the file systems cannot."""
    devices = (device, os.fstat(clone).st_dev)
    if devices in _WITHOUT_REFLINKS:
        return False
    import fcntl

    try:
        fcntl.ioctl(clone, _FICLONE, original)
    except OSError as error:
        if error.errno in _NO_REFLINKS:
            _WITHOUT_REFLINKS.add(devices)
        return False
    return True


def _copy_dateless(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    os.utime(target, (FIXED_TIME, FIXED_TIME))
