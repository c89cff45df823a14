"""What raw data consists of: its files, and what its archives contain."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mlebench.data.archives import extract, kind_of_archive, open_zip, read_tar

ARCHIVES = (".zip", ".7z", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Listing:
    """The files of raw data, in name order; links and what systems leave in folders are not among them.

    Attributes:
        raw: the folder.
        files: all files, as paths below it.
        members: the files in each archive, by the archive's path.
    """

    raw: Path
    files: tuple[str, ...]
    members: Mapping[str, tuple[str, ...]]

    def loose(self) -> tuple[str, ...]:
        """The files that are not archives."""
        return tuple(file for file in self.files if file not in self.members)

    def top(self) -> tuple[str, ...]:
        """What is directly in the folder; a folder ends with a slash."""
        return tuple(dict.fromkeys(file.split("/")[0] + ("/" if "/" in file else "") for file in self.files))


class Tree(NamedTuple):
    """A folder, or the inside of an archive, with files at any depth.

    Attributes:
        source: the folder (with a slash at the end) or archive, below the raw folder.
        inside: the folder within the archive, with a slash at the end, or empty.
        files: paths below it.
    """

    source: str
    inside: str
    files: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the tree is called."""
        return self.inside.rstrip("/").rpartition("/")[2] or stem_of(self.source.rstrip("/").rpartition("/")[2])


def list_raw(raw: Path) -> Listing:
    """List a raw folder.

    Raises:
        RawDataFault: an archive is damaged or unsafe.
    """
    files = tuple(sorted(_files(raw)))
    packed = [file for file in files if file.lower().endswith(ARCHIVES) and kind_of_archive(raw / file)]
    return Listing(raw, files, {file: _members(raw / file) for file in packed})


def trees(listing: Listing, most_small: int = 12) -> Iterator[Tree]:
    """Every folder and every folder within an archive that has files in it or below it.

    Args:
        listing: the raw data.
        most_small: folders below one with more folders than this are left to it.
    """
    for folder in _folders(listing.loose(), most_small):
        if folder:
            yield Tree(folder, "", tuple(file.removeprefix(folder) for file in listing.loose() if file.startswith(folder)))
    for archive, members in listing.members.items():
        for folder in _folders(members, most_small):
            yield Tree(archive, folder, tuple(name.removeprefix(folder) for name in members if name.startswith(folder)))


def stem_of(name: str) -> str:
    """A file's name without its endings for tables and archives: `train` of `train.csv.zip`."""
    for ending in ARCHIVES:
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    return PurePosixPath(name).stem if "." in name else name


def _files(raw: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(raw, followlinks=False):
        folders[:] = [name for name in folders if not _is_junk(name)]
        for name in files:
            path = Path(folder, name)
            if not _is_junk(name) and not path.is_symlink() and path.is_file():
                yield path.relative_to(raw).as_posix()


def _is_junk(name: str) -> bool:
    return name in _JUNK or name.startswith("._")


def _members(archive: Path) -> tuple[str, ...]:
    kind = kind_of_archive(archive)
    if kind == "zip":
        with open_zip(archive) as opened:
            names = [name for name in opened.namelist() if not name.endswith("/")]
    elif kind == "tar":
        names = [entry.name for entry in read_tar(archive)]
    else:
        names = _members_of_7z(archive)
    return tuple(sorted(name for name in names if not any(map(_is_junk, name.split("/")))))


def _members_of_7z(archive: Path) -> list[str]:
    import tempfile

    # its headers are checked by unpacking alone
    with tempfile.TemporaryDirectory() as folder:
        return list(_files(extract(archive, Path(folder))))


def _folders(files: tuple[str, ...], most_small: int) -> list[str]:
    """Folders with files in or below them, the root (empty) included, but none of many in one folder."""
    counts: Counter[str] = Counter()
    parents = {parent.as_posix() for file in files for parent in PurePosixPath(file).parents if parent.name}
    for folder in parents:
        counts[folder.rpartition("/")[0]] += 1
    crowded = {folder for folder, count in counts.items() if count > most_small}
    kept = [folder for folder in parents if not any(_is_in(folder, parent) for parent in crowded)]
    return ["", *sorted(f"{folder}/" for folder in kept)]


def _is_in(folder: str, parent: str) -> bool:
    return folder.startswith(f"{parent}/") if parent else True
