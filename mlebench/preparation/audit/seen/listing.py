"""Every file that an agent sees, members of archives and of archives inside archives included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

BETWEEN = "!/"
"""Between an archive's path and that of its member: `train.zip!/a/b.jpg`."""


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file below the public folder, or a member of an archive."""

    path: str
    """Below the public folder, with `/`; of a member `ARCHIVE!/MEMBER`, nested ones accordingly."""
    size: int
    """Bytes, unpacked."""
    modified: float | None
    """Unix time of the file or as the archive says it; None where it says none."""
    position: int
    """Place in its archive's order, from 0; of plain files the place in the sorted listing of its folder."""
    archive: str | None
    """Path of the archive that it is a member of; None for a plain file."""
    mode: int = 0
    """Permission bits."""
    comment: str = ""
    """What an archive says beside it (zip: comment and extra fields, decoded with replacement)."""
    link: str | None = None
    """Where a symbolic link or link member points."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def parts(self) -> tuple[str, ...]:
        """Folders, archives and the name."""
        return tuple(self.path.replace(BETWEEN, "/").split("/"))


class Seen:
    """A public folder as an agent sees it."""

    def __init__(self, public: Path, *, jobs: int = 1) -> None:
        self.public = public
        self.jobs = jobs

    @property
    def files(self) -> Sequence[SeenFile]:
        """All files, archives themselves included, in the order of paths; members follow their archive in its order."""
        raise NotImplementedError

    def open(self, file: SeenFile) -> AbstractContextManager[IO[bytes]]:
        """Its content, read as a stream; members of archives that are no plain file of a zip cost a pass over the archive.

        Raises:
            OSError: it cannot be read, or is damaged.
        """
        raise NotImplementedError

    def contents(self, files: Sequence[SeenFile], most: int) -> Iterator[tuple[SeenFile, bytes]]:
        """The first `most` bytes of each, in whichever order is cheap: one pass over each archive."""
        raise NotImplementedError

    @property
    def troubles(self) -> Sequence[str]:
        """Archives that could not be opened, members left out at bounds: a sentence each."""
        raise NotImplementedError
