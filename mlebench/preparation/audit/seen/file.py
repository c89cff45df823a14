"""A file below the public folder, or a member of an archive, as an agent sees it."""

from __future__ import annotations

from dataclasses import dataclass

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
    """Unix time of the file or as the archive says it; None if it says none."""
    position: int
    """Place in its archive's order, from 0, folders counted; of plain files the place in the sorted listing of its folder."""
    archive: str | None
    """Path of the archive that it is a member of; None for a plain file."""
    mode: int = 0
    """Permission bits."""
    comment: str = ""
    """What an archive says next to it (zip: comment and extra fields, decoded with replacement)."""
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

    @property
    def suffix(self) -> str:
        """The ending of the name in small letters, with its point; empty if it has none."""
        stem, point, ending = self.name.rpartition(".")
        return f".{ending.lower()}" if point and stem else ""
