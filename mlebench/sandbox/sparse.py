"""Writes an agent's data to a new file in which runs of zeros become holes, so that huge empty files stay small."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_PIECE = 2**16
_ZEROS = bytes(_PIECE)


def write_sparse(blocks: Iterable[bytes], path: Path | str, folder: int | None = None) -> int:
    """Write a new file.

    Args:
        blocks: its content.
        path: its path, relative to `folder` if given.
        folder: descriptor of an open folder.

    Returns:
        its size, including holes.

    Raises:
        OSError: it cannot be written, or `path` already exists.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as file:
        for block in blocks:
            for start in range(0, len(block), _PIECE):
                piece = block[start : start + _PIECE]
                if piece == _ZEROS[: len(piece)]:
                    file.seek(len(piece), os.SEEK_CUR)
                else:
                    file.write(piece)
        return file.truncate(file.tell())
