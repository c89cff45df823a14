"""Finding the raw data in what somebody has: in a folder within, packed once more, unpacked already, or under other letters.

A competition's facts name the files and folders that its `prepare` needs (`raw`). Where they do not be there as named, a view
of the data is made in a folder of ours: links to what is right, and what is wrong put right. The data itself is only read.
"""

from __future__ import annotations

import os
import shutil
import stat
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mlebench._support.paths import content_dirs
from mlebench.data.archives import Member, extract, kind_of_archive, tar_entries, write_7z, write_tar, write_zip
from mlebench.data.raw_faults import missing, not_a_file, not_a_folder, some_missing
from mlebench.errors import RawDataFault, UsageError

if TYPE_CHECKING:
    from mlebench.registry import Competition

_DEPTH = 3
_MOST_FOLDERS = 50
"""A folder with more of them holds the data itself."""
_MOST_SHOWN = 5
_PACKED = (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tar", ".zip", ".7z")
_COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}
_JUNK = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}

MakeMock = Callable[[Path], None]
"""Makes a small raw download of the true schema in a new folder."""


def lay_out(folder: Path, competition: Competition, workshop: Path, make_mock: MakeMock) -> Path:
    """The folder with the raw data as the competition's `prepare` wants it, in or below `folder` or in the workshop.

    Args:
        folder: what there is, unpacked.
        competition: whose data it should be.
        workshop: an empty folder of ours, for what must be made.
        make_mock: called where the inside of an archive must be known.

    Raises:
        RawDataFault: if something is missing or of the wrong kind, or nothing of the data is there.
        UsageError: if it cannot be told which of several folders is meant.
    """
    needed = competition.facts.raw
    if not needed:
        return folder
    found = _locate(folder, competition, workshop / "unpacked")
    repairs = _sources(needed, found)
    _require_all(found, repairs, folder)
    if all(_exact(name, found) for name in needed):
        return found
    view = workshop / "view"
    view.mkdir()
    mended = {name.rstrip("/") for name in needed}
    for entry in _visible(found):
        if entry.name not in mended:
            (view / entry.name).symlink_to(entry.resolve())
    for name, repair in repairs.items():
        assert repair is not None
        _Repair(name, repair, view, workshop, make_mock).make()
    return view


def require_plain(folder: Path) -> None:
    """Reject raw data that cannot be read: pipes, broken links and unreadable files.

    Raises:
        RawDataFault: naming the first such file.
        UsageError: if it may not be read.
    """
    _require_plain(folder, ())


def _require_plain(folder: Path, above: tuple[tuple[int, int], ...]) -> None:
    try:
        with os.scandir(folder) as entries:
            listed = list(entries)
        state = folder.stat()
    except PermissionError as error:
        raise _closed(folder, error) from None
    trail = (*above, (state.st_dev, state.st_ino))
    for entry in listed:
        if entry.is_file(follow_symlinks=False):
            if not os.access(entry.path, os.R_OK):
                raise _closed(Path(entry.path), None)
        elif entry.is_dir():
            inner = Path(entry.path)
            if entry.is_symlink() and _identity(inner) in trail:
                raise RawDataFault(f"{inner} is a circular link; remove it")
            _require_plain(inner, trail)
        else:
            _require_regular(Path(entry.path))


def _require_regular(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError:
        raise RawDataFault(f"{path} is a broken link; put the file there, or remove the link") from None
    if not stat.S_ISREG(mode):
        raise RawDataFault(f"{path} is neither a file nor a folder (a pipe, socket or device); put the file there")


def _closed(path: Path, error: OSError | None) -> UsageError:
    reason = (error and error.strerror) or "Permission denied"
    return UsageError(f"cannot read {path} ({reason}); make it readable for this user (`chmod -R u+rX`) and try again")


def _identity(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_dev, state.st_ino


def _visible(folder: Path, *, folders: bool = False) -> list[Path]:
    """What is in a folder, or the folders alone, in name order, without what a Mac or Windows leaves there."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not folders or entry.is_dir()]
    return [folder / name for name in sorted(names) if name not in _JUNK and not name.startswith("._")]


def _locate(folder: Path, competition: Competition, unpacked: Path) -> Path:
    """The folder that holds the most of what is needed: `folder`, one below it, or what an archive in it holds."""
    needed = competition.facts.raw
    best, most = folder, 0
    for level in _levels(folder, competition.id):
        counted = [(sum(source is not None for source in _sources(needed, place).values()), place) for place in level]
        whole = [place for count, place in counted if count == len(needed)]
        if len(whole) > 1:
            raise UsageError(f"{whole[0]} and {whole[1]} both contain the data; choose one with --from")
        if whole:
            return whole[0]
        count, place = max(counted, key=lambda entry: entry[0])
        if count > most:
            best, most = place, count
    if not most and (archive := _archive_of_all(folder, competition.id)) is not None and not unpacked.exists():
        return _locate(extract(archive, unpacked), competition, unpacked)
    return best


def _levels(folder: Path, name: str) -> Iterator[list[Path]]:
    """The folder alone, then the folders in it, then those in them; none that is named after another competition."""
    level = [folder]
    for _ in range(_DEPTH + 1):
        if not level:
            return
        yield level
        inner = [_visible(place, folders=True) for place in level]
        within = [path for paths in inner if len(paths) <= _MOST_FOLDERS for path in paths]
        level = [path for path in within if not _is_of_another(path.name, name)][:_MOST_FOLDERS]


def _archive_of_all(folder: Path, name: str) -> Path | None:
    """The archive of the whole download in a folder, or in the only folder there: alone, or named after the competition."""
    entries = _visible(folder)
    if len(entries) == 1 and entries[0].is_dir():
        return _archive_of_all(entries[0], name)
    packed = [path for path in entries if _split_packing(path.name)[1] and path.is_file()]
    found = [path for path in packed if not _is_of_another(_split_packing(path.name)[0], name)]
    named = [path for path in found if _split_packing(path.name)[0] == name]
    return named[0] if named else found[0] if len(entries) == len(found) == 1 else None


def _is_of_another(label: str, name: str) -> bool:
    """Whether a folder or archive is named after another competition, as in a folder of many downloads."""
    return label != name and any((folder / label / "competition.yaml").is_file() for folder in content_dirs("competitions"))


def _loose(name: str) -> str:
    """A name without what systems and people change about it: case, blanks around it, composed letters."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def _sources(needed: Sequence[str], folder: Path) -> dict[str, Path | None]:
    """What is in a folder for each needed file or folder; None if nothing does."""
    right = {name: _exact(name, folder) for name in needed}
    if all(right.values()):
        return dict(right)
    taken = {path for path in right.values() if path is not None}
    entries = [path for path in _visible(folder) if path not in taken]
    return {name: path or _likely(name, entries) for name, path in right.items()}


def _exact(name: str, folder: Path) -> Path | None:
    path = folder / name.rstrip("/")
    return path if (path.is_dir() if name.endswith("/") else path.is_file()) else None


def _likely(name: str, entries: Sequence[Path]) -> Path | None:
    wants_folder, plain = name.endswith("/"), name.rstrip("/")
    for wanted in _stands_for(plain, wants_folder):
        alike = [path for path in entries if _loose(path.name) == _loose(wanted)]
        if len(alike) > 1:
            raise UsageError(f"{alike[0]} and {alike[1]} could both be {plain}; remove or rename one")
        if alike and _can_become(alike[0], plain, wants_folder):
            return alike[0]
    return None


def _stands_for(plain: str, wants_folder: bool) -> list[str]:
    """Names under which a file or folder may be there, the likeliest first: its own, packed, or unpacked."""
    stem, packing = _split_packing(plain)
    if packing:
        # unpacked already, or packed in another way
        return [plain, stem, f"{stem}.csv", f"{stem}.json", *(f"{stem}{other}" for other in _PACKED if other != packing)]
    around = [f"{plain}{packing}" for packing in _PACKED] + (
        [] if wants_folder else [f"{plain}{ending}" for ending in _COMPRESSED]
    )
    return [plain, *around] if wants_folder else [plain, *around, f"{Path(plain).stem}.zip"]


def _can_become(path: Path, plain: str, wants_folder: bool) -> bool:
    """Whether what is there can be made the needed file or folder."""
    if path.is_dir():
        return wants_folder or bool(_split_packing(plain)[1]) or _inner_file(path, plain) is not None
    return not wants_folder or path.name.lower().endswith(_PACKED)


def _split_packing(name: str) -> tuple[str, str]:
    """`train.tar.gz` as `train` and `.tar.gz`; an empty ending where the name is of no archive."""
    ending = next((packing for packing in _PACKED if name.lower().endswith(packing)), "")
    return (name[: -len(ending)], ending) if ending else (name, "")


def _inner_file(folder: Path, name: str) -> Path | None:
    """The file in a folder that a program made for it on unpacking."""
    inner = [path for path in _visible(folder) if path.is_file()]
    return next((path for path in inner if _loose(path.name) == _loose(name)), None)


def _require_all(found: Path, sources: Mapping[str, Path | None], folder: Path) -> None:
    lacking = [name for name, source in sources.items() if source is None]
    for name in lacking:
        # the right name on the wrong kind of thing is the nearer cause
        if (path := found / name.rstrip("/")).exists():
            raise not_a_folder(path) if name.endswith("/") else not_a_file(path)
    if 0 < len(lacking) < len(sources):
        raise missing(found / lacking[0].rstrip("/")) if len(lacking) == 1 else some_missing(lacking, found)
    if lacking:
        there = _few([f"{path.name}/" if path.is_dir() else path.name for path in _visible(folder)])
        verb = "is" if len(lacking) == 1 else "are"
        what = f"contains {there}, which may belong to another competition" if there else "is empty"
        raise RawDataFault(f"{_few(lacking)} {verb} missing from the raw data: {folder} {what}; download it again")


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:_MOST_SHOWN]) + (", …" if len(names) > _MOST_SHOWN else "")


@dataclass(frozen=True)
class _Repair:
    """Makes one needed file or folder in the view from what stands for it."""

    name: str
    source: Path
    view: Path
    workshop: Path
    make_mock: MakeMock

    @property
    def target(self) -> Path:
        return self.view / self.name.rstrip("/")

    def make(self) -> None:
        """Link it where it is right but for its name, else unpack or pack it."""
        source, name = self.source, self.name.rstrip("/")
        wants_folder, packing = self.name.endswith("/"), _split_packing(name)[1]
        if packing:
            is_packed_alike = source.is_file() and _split_packing(source.name)[1] == packing
            self._link(source) if is_packed_alike else self._pack(source, packing)
        elif source.is_dir():
            self._link(source if wants_folder else _inner_file(source, name) or source)
        elif wants_folder:
            self._unpack_folder(source)
        elif _loose(source.name) == _loose(name):
            self._link(source)
        else:
            self._unpack_file(source, name)

    def _link(self, source: Path) -> None:
        self.target.symlink_to(source.resolve())

    def _unpacked(self, archive: Path) -> Path:
        return extract(archive, self.workshop / "parts" / archive.name)

    def _unpack_folder(self, archive: Path) -> None:
        made = self._unpacked(archive)
        inner = [path for path in _visible(made) if path.is_dir()]
        only = len(inner) == 1 and len(_visible(made)) == 1 and _loose(inner[0].name) == _loose(self.target.name)
        self._link(inner[0] if only else made)

    def _unpack_file(self, source: Path, name: str) -> None:
        ending = source.suffix.lower()
        if ending in _COMPRESSED and kind_of_archive(source) is None:
            self._decompress(source, _COMPRESSED[ending])
            return
        files = [path for path in self._unpacked(source).rglob("*") if path.is_file() and "__MACOSX" not in path.parts]
        named = [path for path in files if _loose(path.name) == _loose(name)] or (files if len(files) == 1 else [])
        if len(named) != 1:
            raise RawDataFault(
                f"{source} should contain one file named {name} but contains {len(files):,} others; download it again"
            )
        self._link(named[0])

    def _decompress(self, source: Path, module: str) -> None:
        import importlib

        opener = importlib.import_module(module).open
        try:
            with opener(source, "rb") as packed, self.target.open("wb") as plain:
                shutil.copyfileobj(packed, plain, 1 << 20)
        except (EOFError, OSError) as error:
            if getattr(error, "errno", None) is not None:
                raise
            raise RawDataFault(f"{source} is damaged ({error}); download it again") from None

    def _pack(self, source: Path, packing: str) -> None:
        """Pack what was unpacked before, with the names inside that the competition's own archive has."""
        if source.is_file() and source.name.lower().endswith(_PACKED):
            source = self._unpacked(source)
        expected = self._names_inside()
        files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
        names = _names_like(expected, files, source)
        if packing == ".zip":
            write_zip(self.target, (Member(name, path) for name, path in names.items()))
        elif packing == ".7z":
            write_7z(self.target, (Member(name, path) for name, path in names.items()))
        else:
            tree = self.workshop / "tree" / self.target.name
            for name, path in names.items():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).symlink_to(path.resolve())
            write_tar(self.target, tar_entries(tree, names), gzipped=packing != ".tar")

    def _names_inside(self) -> list[str]:
        """Names of the files in this archive of a mock, which has the schema of the true one."""
        mock = self.workshop / "mock"
        if not mock.exists():
            self.make_mock(mock)
        inside = extract(mock / self.target.name, self.workshop / "inside" / self.target.name)
        return [path.relative_to(inside).as_posix() for path in sorted(inside.rglob("*")) if path.is_file()]


def _names_like(expected: Sequence[str], files: Sequence[Path], source: Path) -> dict[str, Path]:
    """A name in the archive for each file, with as many folders in front as the expected names have."""
    if len(expected) == 1 and len(files) == 1:
        return {expected[0]: files[0]}
    tops = {PurePosixPath(name).parts[0] for name in expected}
    (top,) = tops if len(tops) == 1 and all("/" in name for name in expected) else (None,)
    base = source
    if top is None:
        # a program for unpacking may have made a folder of the archive's name around what was in it
        inner = _visible(source) if source.is_dir() else []
        base = inner[0] if len(inner) == 1 and inner[0].is_dir() and _loose(inner[0].name) == _loose(source.name) else source
    elif not (source / top).is_dir():
        return {f"{top}/{path.relative_to(source).as_posix()}": path for path in files}
    return {path.relative_to(base).as_posix(): path for path in files if path.is_relative_to(base)}
