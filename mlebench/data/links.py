"""Putting unchanged files in place without copying: hard links, else reflinks, else a copy."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from mlebench.data.raw_faults import missing, some_missing
from mlebench.errors import RawDataFault

_CANNOT_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EACCES, errno.ENOTSUP}
_FICLONE = 0x40049409

FIXED_TIME = 1_704_067_200
"""Time (2024-01-01, in seconds) of files whose own time could tell where they come from."""


def link(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`, whose folder must exist.

    Raises:
        RawDataFault: if the source is missing.
    """
    try:
        os.link(source, target, follow_symlinks=True)
    except FileNotFoundError:
        if source.exists():
            raise
        raise missing(source) from None
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        _clone_or_copy(source, target)


def link_files(source: Path, target: Path, names: Iterable[str] | Mapping[str, str], *, hide_origin: bool = False) -> int:
    """Link `source/<name>` to `target/<name>` for each name, or to the name that the mapping gives it.

    Args:
        source: a folder of the raw data.
        target: the folder, made if need be, even for no names.
        names: paths below `source`, a repeated one counts once; a mapping tells the path below `target` for each.
        hide_origin: copy in the order of the names with one fixed time instead, for files whose place in the raw data tells the
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
        raise some_missing([name for name, _ in pairs if not (source / name).exists()], source) from None
    return len(pairs)


def make_folders(target: Path, names: Iterable[str]) -> None:
    """Make `target` and the folders of the named paths below it."""
    target.mkdir(parents=True, exist_ok=True)
    for folder in {name.rpartition("/")[0] for name in names} - {""}:
        (target / folder).mkdir(parents=True, exist_ok=True)


def link_tree(source: Path, target: Path) -> int:
    """Link every file below `source` to the same place below `target`.

    Returns:
        The number of files.

    Raises:
        RawDataFault: if `source` is missing.
    """
    if not source.is_dir():
        raise missing(f"the folder {source}")
    count = 0
    for folder, _, names in os.walk(source):
        place = target / os.path.relpath(folder, source)
        place.mkdir(parents=True, exist_ok=True)
        _link_pairs(Path(folder), place, [(name, name) for name in names])
        count += len(names)
    return count


def _link_pairs(source: Path, target: Path, pairs: Sequence[tuple[str, str]]) -> None:
    """Link `source/<old>` to `target/<new>` for each pair; names below open folders spare most of the time of long paths."""
    if not pairs:
        return
    with _open_folder(source) as old_folder, _open_folder(target) as new_folder:
        for old, new in pairs:
            try:
                os.link(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder)
            except OSError:
                # copies where links do not work, and tells what is wrong
                link(source / old, target / new)


@contextlib.contextmanager
def _open_folder(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _clone_or_copy(source: Path, target: Path) -> None:
    with contextlib.suppress(OSError), source.open("rb") as original, target.open("xb") as clone:
        import fcntl

        fcntl.ioctl(clone.fileno(), _FICLONE, original.fileno())
        return
    shutil.copyfile(source, target)


def _copy_dateless(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    os.utime(target, (FIXED_TIME, FIXED_TIME))
