"""What archives hold, archives inside archives included."""

from __future__ import annotations

import contextlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from mlebench.preparation.audit.seen.archives.kind import SMALLEST, could_be_archive, open_archive
from mlebench.preparation.audit.seen.archives.member import Archive, Member, Opener
from mlebench.preparation.audit.seen.bounds import DEEPEST, LONGEST_NAME, MOST_MEMBERS, MOST_UNPACKED, is_bomb
from mlebench.preparation.audit.seen.file import BETWEEN, SeenFile
from mlebench.preparation.audit.seen.spooling import spooled
from mlebench.preparation.audit.seen.window import AnyWindow

_NAMES_OF_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".zst", ".rar")


@dataclass
class Budget:
    """What may still be listed and unpacked, for all archives together."""

    members: int = MOST_MEMBERS
    unpacked: int = MOST_UNPACKED


@dataclass
class Contents:
    """Files in and below one archive."""

    files: list[SeenFile] = field(default_factory=list)
    places: dict[str, array[int]] = field(default_factory=dict)
    """By path of an archive, `Member.at` of all its entries in order."""
    in_passes: set[str] = field(default_factory=set)
    """Archives of which a member is reached by a pass alone."""
    troubles: list[tuple[str, object]] = field(default_factory=list)
    """Paths and what is wrong with them."""


class Inside:
    """Lists what one archive holds."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.found = Contents()

    def list(self, window: AnyWindow, path: str, depth: int = 1) -> None:
        """List the members of what may be an archive, and theirs."""
        try:
            archive = open_archive(window, path.rpartition("/")[2])
            if archive is None:
                if path.lower().endswith(_NAMES_OF_ARCHIVES):
                    self._tell(path, "it is not an archive despite its name")
                return
            if depth > DEEPEST:
                self._tell(path, f"archives inside one another are opened {DEEPEST} deep")
                return
            self._members(archive, path, depth)
        except OSError as error:
            self._tell(path, error)

    def _members(self, archive: Archive, path: str, depth: int) -> None:
        places = self.found.places[path] = array("q")
        if archive.in_passes:
            self.found.in_passes.add(path)
        for position, (member, opener) in enumerate(archive.entries()):
            if self._budget.members <= 0:
                self._tell(path, f"members beyond the first {MOST_MEMBERS:,} are left out")
                return
            self._budget.members -= 1
            places.append(min(member.at, 2**63 - 1))
            if not member.is_file and member.link is None:
                continue
            file = _seen(path, position, member, opener)
            self.found.files.append(file)
            if member.is_file and member.size >= SMALLEST:
                self._nested(archive, member, opener, file, depth)

    def _nested(self, archive: Archive, member: Member, opener: Opener, file: SeenFile, depth: int) -> None:
        try:
            if not could_be_archive(opener.head(), file.path):
                return
            if member.packed >= 0 and is_bomb(member.size, member.packed):
                raise OSError("it unpacks to an absurd size")
            with contextlib.ExitStack() as kept:
                window = archive.window(member.at, member.size)
                if window is None:
                    if self._budget.unpacked < member.size:
                        raise OSError("too much has been unpacked")
                    self._budget.unpacked -= member.size
                    window = kept.enter_context(spooled(opener.open()))
                self.list(window, file.path, depth + 1)
        except OSError as error:
            self._tell(file.path, error)

    def _tell(self, path: str, trouble: object) -> None:
        self.found.troubles.append((path, trouble))


def _seen(path: str, position: int, member: Member, opener: Opener) -> SeenFile:
    link = member.link
    if link == "":
        with contextlib.suppress(OSError):
            link = opener.open().read(LONGEST_NAME).decode("utf-8", "replace")
    name = f"{path}{BETWEEN}{member.name}"
    return SeenFile(name, member.size, member.modified, position, path, member.mode, member.comment, link)


def archives_above(file: SeenFile, by_path: dict[str, SeenFile]) -> Iterator[SeenFile]:
    """The archives that a member is in, from the inside out."""
    while file.archive is not None:
        file = by_path[file.archive]
        yield file
