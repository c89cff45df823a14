"""Archives: reading members in place, safe extraction, and writing zips in one pass.

Archives are untrusted: members with absolute paths, `..`, links or devices, archives that blow up, and names that stand for two
contents are refused. A backslash in a name is a separator, as some programs for Windows write it.
"""

from __future__ import annotations

import contextlib
import gzip
import lzma
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any, Generic, Literal, NamedTuple, TypeVar, cast

from mlebench._support.ahead import made_ahead, worked_ahead
from mlebench.data import zip_contents
from mlebench.data.content_kind import kind_of_content
from mlebench.data.links import FIXED_TIME, make_folders
from mlebench.data.raw_faults import damaged, is_of_the_content, missing, not_a_file, some_missing
from mlebench.data.workers import allowed
from mlebench.data.zip_contents import NotPlain, Packed, ZipContents
from mlebench.errors import RawDataFault

Item = TypeVar("Item")

_7Z = b"7z\xbc\xaf\x27\x1c"
_ENCRYPTED = 0x1
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_BOMB_RATIO = 1_000
_BOMB_FLOOR = 2**30
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_HELD = 4 * 2**20
"""Bytes of a member, or of several small ones, that are held in memory at a time."""
_BATCH = 64
"""Most members that a thread takes at a time."""
_WORTH_A_THREAD = 16_384
"""Mean member size from which the interpreter's lock is not a bottleneck."""
_COMPRESSED = {
    ".jpg",
    ".jpeg",
    ".png",
    ".gif",
    ".zip",
    ".gz",
    ".7z",
    ".bz2",
    ".xz",
    ".mp4",
    ".mp3",
    ".flac",
    ".tfrec",
    ".parquet",
}


@contextlib.contextmanager
def scratch(public: Path) -> Iterator[Path]:
    """A temporary folder next to `public`, on the same file system so that its files can be linked; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix=".scratch-", dir=public.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


Begin = Callable[[int], Callable[[int], object]]
"""Gets the number of bytes that will be unpacked, and returns what is called with each number of bytes that were."""


def _uncounted(total: int) -> Callable[[int], object]:
    return lambda size: None


def extract(archive: Path, target: Path, begin: Begin = _uncounted) -> Path:
    """Unpack a zip, 7z or tar archive into a folder.

    Args:
        archive: the file; its kind is told by its content.
        target: the folder, made if need be.
        begin: for progress; called once the size is known.

    Returns:
        `target`.

    Raises:
        RawDataFault: if the archive is missing, damaged or unsafe.
    """
    target.mkdir(parents=True, exist_ok=True)
    kind = kind_of_archive(archive)
    try:
        with _damage_explained(archive):
            if kind == "zip":
                _extract_zip(archive, target, begin)
            elif kind == "tar":
                _extract_tar(archive, target, begin)
            elif kind == "7z":
                _extract_7z(archive, target, begin)
            else:
                raise no_archive(archive)
    except Exception as error:
        # archive libraries raise anything over damaged headers
        if not is_of_the_content(error):
            raise
        raise damaged(archive, error) from None
    return target


def kind_of_archive(path: Path) -> Literal["zip", "tar", "7z"] | None:
    """The kind of an archive by its content, whatever its name; None if it is none that `extract` unpacks.

    Raises:
        RawDataFault: if the file is missing or a folder.
    """
    try:
        if zipfile.is_zipfile(path):
            return "zip"
        with path.open("rb") as file:
            if file.read(len(_7Z)) == _7Z:
                return "7z"
        # a damaged header of a compressed tar is told when it is unpacked
        return "tar" if tarfile.is_tarfile(path) else None
    except FileNotFoundError:
        raise missing(path) from None
    except IsADirectoryError:
        raise not_a_file(path) from None
    except (EOFError, lzma.LZMAError, zlib.error):
        return "tar"


def no_archive(path: Path) -> RawDataFault:
    """The error for a file that should be an archive and is none, saying what it is."""
    content = kind_of_content(path)
    if content == "the beginning of a zip":
        return damaged(path, "its end is missing")
    return RawDataFault(f"{path} is not a zip, tar or 7z archive but {content}; download it again")


@contextlib.contextmanager
def open_zip(archive: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip to read members in place.

    Raises:
        RawDataFault: if the archive is missing, damaged or unsafe.
    """
    if not zipfile.is_zipfile(archive):
        # a wrong kind of file is told apart from a damaged one
        raise not_a_file(archive) if archive.is_dir() else no_archive(archive) if archive.exists() else missing(archive)
    with _damage_explained(archive), zipfile.ZipFile(archive) as opened:
        _check_zip(archive, opened)
        yield opened


@contextlib.contextmanager
def open_member(archive: Path, name: str) -> Iterator[IO[bytes]]:
    """Open one member of a zip to read it in place.

    Raises:
        RawDataFault: if the archive or the member is missing, damaged or unsafe.
    """
    with open_zip(archive) as opened:
        try:
            member = opened.open(name)
        except KeyError:
            raise RawDataFault(f"{archive} does not contain {name}; download it again") from None
        with member:
            yield member


def unpack_files(archive: Path, target: Path, names: Iterable[str] | Mapping[str, str]) -> int:
    """Write members of a zip to `target`, straight to the name that the mapping gives each, with one fixed time.

    Args:
        archive: the zip.
        target: the folder, made if need be.
        names: member names; a mapping gives the path below `target` for each.

    Returns:
        The number of files.

    Raises:
        RawDataFault: if the archive is missing, damaged or unsafe, or lacks members, naming how many and the first few.
    """
    pairs = list(names.items()) if isinstance(names, Mapping) else [(name, name) for name in names]
    make_folders(target, (new for _, new in pairs))
    with open_zip(archive) as opened:
        if lacking := [name for name, _ in pairs if name not in opened.NameToInfo]:
            raise some_missing(lacking, archive)
        for old, new in _not_unpacked(opened, target, pairs, os.O_EXCL, FIXED_TIME):
            path = target / new
            with opened.open(old) as source, path.open("xb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
            os.utime(path, (FIXED_TIME, FIXED_TIME))
    return len(pairs)


def _not_unpacked(
    opened: zipfile.ZipFile,
    target: Path,
    pairs: Iterable[tuple[str, str]],
    flag: int,
    time: int | None,
    unpacked: Callable[[int], object] = lambda size: None,
) -> Iterator[tuple[str, str]]:
    """Write members to files below `target`, several at once, and yield the pairs of those that only `zipfile` can unpack.

    Args:
        opened: the zip.
        target: the folder, which has all the folders that are needed.
        pairs: name of the member and path below `target`.
        flag: how files are opened that are there already.
        time: the time that files get, in seconds; that of now by default.
        unpacked: called by several threads with the bytes of what was just unpacked.
    """
    contents = ZipContents(opened)
    folder = os.open(target, os.O_RDONLY | os.O_DIRECTORY)

    def unpack(batch: _Batch[tuple[str, str]]) -> list[tuple[str, str]]:
        return [pair for pair in batch.items if not _unpack_one(contents, folder, *pair, flag, time, unpacked)]

    try:
        batches = _batches(pairs, lambda pair: contents.size_of(pair[0]))
        for left in worked_ahead(unpack, batches, allowed(), alone=_is_small):
            yield from left
    finally:
        os.close(folder)


def _unpack_one(
    contents: ZipContents, folder: int, old: str, new: str, flag: int, time: int | None, unpacked: Callable[[int], object]
) -> bool:
    """Write one member to a file; False, and no file, where that does not work, which `zipfile` may explain."""
    try:
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flag, 0o666, dir_fd=folder)
    except OSError:
        return False
    try:
        for piece in contents.pieces(old):
            written = os.write(file, piece)
            while written < len(piece):
                written += os.write(file, piece[written:])
            unpacked(len(piece))
        if time is not None:
            os.utime(file, (time, time))
    except (NotPlain, OSError):
        os.unlink(new, dir_fd=folder)
        return False
    finally:
        os.close(file)
    return True


class _Batch(NamedTuple, Generic[Item]):
    """Things that one thread deals with."""

    items: list[Item]
    size: int
    """Bytes of all of them."""


def _batches(items: Iterable[Item], size_of: Callable[[Item], int]) -> Iterator[_Batch[Item]]:
    """Group things in their order, so that a group is worth a thread and fits into memory."""
    held: list[Item] = []
    size = 0
    for item in items:
        more = size_of(item)
        if held and (len(held) == _BATCH or size + more > _HELD):
            yield _Batch(held, size)
            held, size = [], 0
        held.append(item)
        size += more
    if held:
        yield _Batch(held, size)


def _is_small(batch: _Batch[Any]) -> bool:
    return batch.size < _WORTH_A_THREAD * len(batch.items)


class Member(NamedTuple):
    """Something to be written into an archive."""

    name: str
    source: Path | tuple[zipfile.ZipFile, str] | Iterator[bytes]
    """A file, a member of an open zip, or for `write_zip` a content in pieces, which another thread makes while those before are
    packed."""


def write_zip(target: Path, members: Iterable[Member]) -> int:
    """Write a zip in one pass, member by member, with the same bytes each time.

    Contents that are compressed already (images, audio, archives) are stored, everything else is deflated; dates are fixed.

    Returns:
        The number of members.

    Raises:
        RawDataFault: if a source is missing.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    sources = _Sources()

    def pack(batch: _Batch[Member]) -> list[tuple[Member, Packed | None]]:
        return [(member, sources.packed(member)) for member in batch.items]

    with zipfile.ZipFile(target, "w", allowZip64=True) as packed:
        for batch in worked_ahead(pack, _batches(members, sources.size_of), allowed(), alone=_is_small):
            for member, content in batch:
                entry = zipfile.ZipInfo(member.name, _ZIP_EPOCH)
                entry.external_attr = 0o644 << 16
                entry.compress_type = _method_of(member)
                if content is not None and entry.filename not in packed.NameToInfo:
                    zip_contents.append(packed, entry, content)
                    continue
                with contextlib.ExitStack() as opened:
                    pieces = opened.enter_context(_pieces_of(member))
                    sink = opened.enter_context(packed.open(entry, "w", force_zip64=True))
                    for piece in pieces:
                        sink.write(piece)
        return len(packed.infolist())


class _Sources:
    """What members of a new zip are made of, read in any thread."""

    def __init__(self) -> None:
        self._zips: dict[int, ZipContents] = {}

    def size_of(self, member: Member) -> int:
        """Bytes of a member; 0 if it is not there. Called for each member before it is packed, in one thread."""
        if isinstance(member.source, Path):
            try:
                return member.source.stat().st_size
            except OSError:
                return 0
        if not isinstance(member.source, tuple):
            return _HELD
        opened, name = member.source
        if id(opened) not in self._zips:
            self._zips[id(opened)] = ZipContents(opened)
        return self._zips[id(opened)].size_of(name)

    def packed(self, member: Member) -> Packed | None:
        """What the zip is to hold; None if the member is large, or must be read by `zipfile`, or cannot be."""
        try:
            content = self._content(member)
        except (NotPlain, OSError):
            return None
        return None if content is None else zip_contents.pack(content, _method_of(member))

    def _content(self, member: Member) -> bytes | None:
        if isinstance(member.source, Path):
            with member.source.open("rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                # a short read is not the end
                return file.read(size + 1) + file.readall() if size <= _HELD else None
        if not isinstance(member.source, tuple):
            return None
        opened, name = member.source
        contents = self._zips[id(opened)]
        return b"".join(contents.pieces(name)) if contents.size_of(name) <= _HELD else None


def _method_of(member: Member) -> int:
    return zipfile.ZIP_STORED if PurePosixPath(member.name).suffix.lower() in _COMPRESSED else zipfile.ZIP_DEFLATED


def write_7z(target: Path, members: Iterable[Member]) -> None:
    """Write a 7z whose contents are stored, not compressed, with the same bytes each time; dates are fixed.

    Args:
        target: the archive.
        members: files, or folders for an entry without content.

    Raises:
        RawDataFault: if a source is missing.
    """
    import py7zr
    from py7zr.helpers import ArchiveTimestamp

    dates = dict.fromkeys(("creationtime", "lastwritetime", "lastaccesstime"), ArchiveTimestamp.from_datetime(FIXED_TIME))
    target.parent.mkdir(parents=True, exist_ok=True)
    with py7zr.SevenZipFile(target, "w", filters=[{"id": py7zr.FILTER_COPY}]) as packed:
        for member in members:
            if isinstance(member.source, Path) and member.source.is_dir():
                packed.write(member.source, member.name)
            else:
                with _open_source(member) as source:
                    packed.writef(source, member.name)
            # the library takes the dates of the moment and offers no other way
            packed.header.files_info.files[-1].update(dates)


class TarEntry(NamedTuple):
    """A file of a tar archive; `file` can be read once, before the next entry is asked for."""

    name: str
    size: int
    file: IO[bytes]


def read_tar(archive: Path) -> Iterator[TarEntry]:
    """Go through the files of a tar archive, compressed or not, in one pass and without unpacking it.

    Raises:
        RawDataFault: if the archive is missing, damaged or unsafe.
    """
    with _damage_explained(archive), tarfile.open(archive, "r|*") as opened:
        while (member := opened.next()) is not None:
            _check_name(archive, member.name)
            content = opened.extractfile(member) if member.isreg() else None
            if content is not None:
                yield TarEntry(str(PurePosixPath(member.name)), member.size, content)
            # the library would keep all of them
            opened.members.clear()  # type: ignore[attr-defined]


def tar_entries(folder: Path, names: Iterable[str]) -> Iterator[TarEntry]:
    """Files below a folder as entries of the same names.

    Raises:
        RawDataFault: if a file is missing.
    """
    for name in names:
        with _open_source(Member(name, folder / name)) as file:
            yield TarEntry(name, os.fstat(file.fileno()).st_size, file)


def write_tar(target: Path, entries: Iterable[TarEntry], *, gzipped: bool) -> int:
    """Write a tar in one pass with the same bytes each time: dates, owners and rights are fixed.

    Args:
        target: the archive.
        entries: the files.
        gzipped: whether it becomes a gzip file; the contents are stored in it, as images gain nothing.

    Returns:
        The number of files.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        sink: IO[bytes] = stack.enter_context(target.open("wb"))
        if gzipped:
            packer = gzip.GzipFile("", "wb", compresslevel=0, fileobj=sink, mtime=FIXED_TIME)
            sink = cast(IO[bytes], stack.enter_context(packer))
        # a pipe needs no seeking and keeps no list of members
        packed = stack.enter_context(tarfile.open(fileobj=sink, mode="w|", format=tarfile.GNU_FORMAT))
        count = 0
        for entry in entries:
            header = tarfile.TarInfo(entry.name)
            header.size, header.mtime = entry.size, FIXED_TIME
            packed.addfile(header, entry.file)
            packed.members.clear()  # type: ignore[attr-defined]
            count += 1
        return count


@contextlib.contextmanager
def _pieces_of(member: Member) -> Iterator[Iterator[bytes]]:
    if isinstance(member.source, Path | tuple):
        with _open_source(member) as source:
            yield iter(lambda: source.read(zip_contents.PIECE), b"")
    else:
        with contextlib.closing(made_ahead(member.source)) as pieces:
            yield pieces


def _open_source(member: Member) -> IO[bytes]:
    if not isinstance(member.source, Path | tuple):
        raise TypeError("only a zip can be built from pieces")
    try:
        if isinstance(member.source, Path):
            return member.source.open("rb")
        opened, name = member.source
        return opened.open(name)
    except (FileNotFoundError, KeyError):
        raise missing(member.name) from None


@contextlib.contextmanager
def _damage_explained(archive: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        if error.filename is not None and Path(error.filename) != archive:
            raise
        raise missing(archive) from None
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError) as error:
        raise damaged(archive, error) from None


def _extract_zip(archive: Path, target: Path, begin: Begin) -> None:
    with zipfile.ZipFile(archive) as opened:
        _check_zip(archive, opened)
        total = sum(member.file_size for member in opened.infolist())
        unpacked = begin(total)
        try:
            made = _extract_plain(opened, target, unpacked)
        except OSError:
            made = False
        if not made:
            opened.extractall(target)
        # of what only `zipfile` could unpack, and of names that are there twice, nothing was counted
        unpacked(total)


def _extract_plain(opened: zipfile.ZipFile, target: Path, unpacked: Callable[[int], object]) -> bool:
    """What `extractall` does with members of ordinary names; False where something is left to do or to explain."""
    names = opened.namelist()
    if any("//" in name or f"/{name}".endswith("/.") or "/./" in f"/{name}" for name in names):
        return False
    make_folders(target, names)
    files = ((name, name) for name in dict.fromkeys(names) if not name.endswith("/"))
    return not any(True for _ in _not_unpacked(opened, target, files, os.O_TRUNC, None, unpacked))


def _check_zip(archive: Path, opened: zipfile.ZipFile) -> None:
    _use_slashes(opened)
    _check_repeats(archive, ((member.filename, (member.file_size, member.CRC)) for member in opened.infolist()))
    for member in opened.infolist():
        if member.flag_bits & _ENCRYPTED:
            raise _encrypted(archive)
        if member.compress_type not in _METHODS:
            raise RawDataFault(
                f"{archive} uses a compression method that Python does not support ({member.compress_type}); unpack it with "
                "another program and pass the folder"
            )
        _check_name(archive, member.filename)
        kind = member.external_attr >> 16 & 0o170000
        if kind not in (0, 0o100000, 0o040000):
            raise _odd_member(archive, member.filename)
    _check_size(archive, sum(member.file_size for member in opened.infolist()))


def _use_slashes(opened: zipfile.ZipFile) -> None:
    """Read a backslash in members' names as a separator."""
    for member in opened.infolist():
        if "\\" in member.filename:
            member.filename = member.filename.replace("\\", "/")
            opened.NameToInfo[member.filename] = member


def _check_repeats(archive: Path, members: Iterable[tuple[str, object]]) -> None:
    """Refuse a name that stands for two contents; the same content twice does no harm."""
    known: dict[str, object] = {}
    for name, content in members:
        path = str(PurePosixPath(name))
        if known.setdefault(path, content) != content:
            raise RawDataFault(f"{archive} contains {name!r} twice with different contents; download it again")


def _encrypted(archive: Path) -> RawDataFault:
    return RawDataFault(
        f"{archive} is encrypted; unpack it with its password and pass the folder, or download it again without one"
    )


def _extract_tar(archive: Path, target: Path, begin: Begin) -> None:
    with tarfile.open(archive) as opened:
        members = opened.getmembers()
        names = [member.name for member in members if member.isfile()]
        # a tar has no checksums, so what is there twice cannot be known to be the same
        _check_repeats(archive, zip(names, range(len(names)), strict=True))
        for member in members:
            _check_name(archive, member.name)
            if not (member.isfile() or member.isdir()):
                raise _odd_member(archive, member.name)
        total = sum(member.size for member in members)
        _check_size(archive, total)
        unpacked = begin(total)
        before = 0

        def counting(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
            # asked before a member is unpacked
            nonlocal before
            unpacked(before)
            before = member.size
            return tarfile.data_filter(member, path)

        opened.extractall(target, filter=counting)
        unpacked(before)


def _extract_7z(archive: Path, target: Path, begin: Begin) -> None:
    import py7zr

    try:
        with py7zr.SevenZipFile(archive) as opened:
            if opened.needs_password():
                raise _encrypted(archive)
            _check_repeats(archive, ((member.filename, member.crc32) for member in opened.files if not member.is_directory))
            for member in opened.files:
                _check_name(archive, member.filename)
                if member.is_symlink or member.is_junction or member.is_socket:
                    raise _odd_member(archive, member.filename)
            total = opened.archiveinfo().uncompressed
            _check_size(archive, total)
            unpacked = begin(total)
            opened.extractall(target)
            unpacked(total)
    except py7zr.exceptions.PasswordRequired:
        raise _encrypted(archive) from None
    except (py7zr.exceptions.ArchiveError, py7zr.exceptions.AbsolutePathError) as error:
        raise damaged(archive, error) from None


def _check_name(archive: Path, name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise RawDataFault(f"{archive} contains {name!r}, a path outside its folder, and is not unpacked; download it again")


def _odd_member(archive: Path, name: str) -> RawDataFault:
    return RawDataFault(
        f"{archive} contains {name!r}, which is neither a file nor a folder, and is not unpacked; download it again"
    )


def _check_size(archive: Path, unpacked: int) -> None:
    if unpacked > max(_BOMB_FLOOR, _BOMB_RATIO * archive.stat().st_size):
        size = f"{unpacked / 1e9:.1f} GB, over {_BOMB_RATIO} times its size"
        raise RawDataFault(f"{archive} would unpack to {size} and is not unpacked; download it again")
