"""A run's folder as bytes, for transfer from the node of the run. Its content is untrusted: an agent made it."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from pathlib import Path

from mlebench._support.folders import remove_tree

_COMING = ".coming"


def pack(run_dir: Path) -> bytes:
    """A tar archive of the plain files and folders; links, pipes and unreadable entries are left out."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        # a folder that is too deep or closed does not end the walk
        for folder, _, names in os.walk(run_dir):
            for path in (Path(folder), *(Path(folder, name) for name in names)):
                with contextlib.suppress(OSError, ValueError):
                    if path != run_dir:
                        archive.add(path, str(path.relative_to(run_dir)), recursive=False, filter=_plain)
    return buffer.getvalue()


def unpack(content: bytes, run_dir: Path) -> list[str]:
    """Unpack a run's folder, `run.json` last: once that says finished, everything is there.

    Returns:
        what could not be created here, such as names that are too long below this folder; the record and all other files were.
    """
    coming = run_dir / _COMING
    remove_tree(coming)
    coming.mkdir(parents=True)
    left_out = []
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        for member in archive:
            try:
                archive.extract(member, coming, filter="data")
            except (OSError, ValueError, tarfile.TarError):
                left_out.append(member.name)
    for path in sorted(coming.iterdir(), key=lambda path: path.name == "run.json"):
        target = run_dir / path.name
        if target.is_dir() and not target.is_symlink():
            remove_tree(target)
        path.replace(target)
    coming.rmdir()
    return left_out


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if member.isdir():
        # its content must be written into it, whatever mode the agent gave it
        member.mode |= 0o700
    return member if member.isfile() or member.isdir() else None
