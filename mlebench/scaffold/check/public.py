"""What an agent sees of prepared data: files, members of archives, and the columns of tables."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mlebench.scaffold.check.columns import columns_in
from mlebench.scaffold.check.wording import Text, as_regex

if TYPE_CHECKING:
    from mlebench.registry import Competition

Listing = dict[str, Callable[[], bytes]]
"""Paths below the public folder, with what reads each one. Members of an archive are listed as if unpacked next to it."""


class Public:
    """What an agent sees of one prepared competition."""

    def __init__(self, competition: Competition) -> None:
        self.competition = competition
        self.entries = [name for name in competition.facts.files.public if name != "description.md"]

    def text(self, wording: str) -> Text:
        """One of the competition's texts, `description` or `description_obfuscated`."""
        return Text(getattr(self.competition, wording))

    @cached_property
    def files(self) -> Listing:
        """All files and members of archives, but for the task text."""
        folder = self.competition.public_dir
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "description.md")
        found: Listing = {}
        for path in paths:
            name = path.relative_to(folder).as_posix()
            found |= {name: path.read_bytes} | members(name, path.read_bytes)
        return found

    @cached_property
    def paths(self) -> set[str]:
        """Every file and folder that a text may name, folders with a slash at the end."""
        found = set(self.files) | set(self.entries)
        for path in self.files:
            parents = [parent.as_posix() for parent in PurePosixPath(path).parents if parent.name]
            found |= {f"{parent}/" for parent in parents}
        return found

    @cached_property
    def empty_folders(self) -> list[str]:
        """Those that a mock is too small to fill."""
        return [name for name in self.entries if name.endswith("/") and not any(path.startswith(name) for path in self.files)]

    @cached_property
    def tables(self) -> dict[str, list[str]]:
        """Columns by path; of files with the same columns in one folder only the first."""
        found: dict[tuple[str, ...], str] = {}
        for path, read in self.files.items():
            if columns := columns_in(path, read):
                found.setdefault((PurePosixPath(path).parent.as_posix(), *columns), path)
        return {path: list(columns) for (_, *columns), path in found.items()}

    def exists(self, name: str) -> bool:
        """Whether a path, pattern of paths or end of them is that of something public."""
        if any(name.startswith(folder) for folder in self.empty_folders):
            return True
        pattern = as_regex(name, r"[^/]+?")
        return any(pattern.fullmatch(end) for path in self.paths for end in ends(path))

    def is_example(self, name: str) -> bool:
        """Whether a name is made like that of a public file, with other numbers in it."""
        return any(character.isdigit() for character in name) and shape(name) in {
            shape(end) for path in self.paths for end in ends(path)
        }


def members(name: str, read: Callable[[], bytes]) -> Listing:
    """The files in an archive, as if it were unpacked next to itself; none for other files."""
    found: Listing = {}
    folder = PurePosixPath(name).parent.as_posix()
    kind = PurePosixPath(name).suffix
    if kind == ".zip":
        archive = zipfile.ZipFile(io.BytesIO(read()))
        within = {member: (lambda member=member: archive.read(member)) for member in archive.namelist()}
    elif name.endswith(".tar.gz"):
        tar = tarfile.open(fileobj=io.BytesIO(read()))  # noqa: SIM115 - read from as long as its members are
        within = {member.name: (lambda member=member: tar.extractfile(member).read()) for member in tar if member.isfile()}  # type: ignore[union-attr]
    elif kind == ".7z":
        import py7zr

        factory = py7zr.io.BytesIOFactory(2**28)
        with py7zr.SevenZipFile(io.BytesIO(read())) as packed:
            packed.extractall(factory=factory)
        within = {member: content.read for member, content in factory.products.items()}
        for content in factory.products.values():
            content.seek(0)
    else:
        return found
    for member, reader in within.items():
        if not member.endswith("/"):
            path = (PurePosixPath(folder) / member).as_posix()
            found |= {path: reader} | members(path, reader)
    return found


def ends(path: str) -> Iterator[str]:
    """A path, and what is left of it without its first folders."""
    parts = path.rstrip("/").split("/")
    for start in range(len(parts)):
        yield "/".join(parts[start:]) + ("/" if path.endswith("/") else "")


def shape(name: str) -> str:
    """A name without what differs between files of one kind: numbers, and codes of so many letters and digits."""
    stem, _, extension = name.rpartition(".")
    return re.sub(r"[A-Za-z0-9]+", lambda run: _shape_of_part(run[0]), stem) + "." + extension


def _shape_of_part(part: str) -> str:
    if len(part) == 1:
        return "x"
    is_code = re.fullmatch(r"[0-9a-f]+", part) and not part.isdigit() and not part.isalpha()
    return "x" * len(part) if is_code else re.sub(r"\d+", "0", part)
