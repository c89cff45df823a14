"""Pointers of Git LFS: what is in a checkout in the place of a large file that was not fetched."""

from __future__ import annotations

from pathlib import Path

from mlebench.errors import UsageError

_START = b"version https://git-lfs.github.com/spec/"


def refuse_pointer(path: Path) -> None:
    """Refuse a pointer, with the command that gets the file itself; a file that cannot be read is left to its reader.

    Raises:
        UsageError: it is a pointer.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_START))
    except OSError:
        return
    if start == _START:
        raise UsageError(f"{path} is a Git LFS pointer, not the file itself; run `git lfs pull` in its checkout")
