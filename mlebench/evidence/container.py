"""The file that a bundle is: a zip in one canonical form, which any program unpacks and nobody can write in two ways.

    of each entry, in the order of names, the statement last:   local header, data, data descriptor
    then                                                        central directory, end record
    and as the archive's comment                                SHA-256 of every byte before it, in hexadecimal

Nothing lies before, between or behind these. Of an entry its name, its sizes, its CRC-32 and its data are free; all else follows
from them: date, versions, flags, attributes, method (by the name), and whether 64 bits are used (by the size). The reader makes
each record again from these and compares. Deflate can encode one content in many ways, so the comment shows whether any bit
changed.

Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

from grading.printable import printable
from mlebench._support.quantities import show_size
from mlebench.errors import ContainerFault
from mlebench.evidence.names import is_name
from mlebench.evidence.statement import STATEMENT_FILE, Subject

MOST_ENTRIES = 200_000
LARGEST_TOTAL = 2**40
"""Bytes of all files, unpacked."""
_FREE_OF_RATIO = 64 * 2**20
_WRITTEN_RATIO = 100
_LARGEST_RATIO = 200
"""Bytes unpacked for each byte of the container, beyond the first 64 MiB; the writer stays at half of it."""
_LARGEST_DIRECTORY = 128 * 2**20
_BLOCK = 2**18
_LEVEL = 6
_IS_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".npz", ".parquet", ".pdf")
_STORED, _DEFLATED = 0, 8
_DATE, _TIME = (1 << 5) | 1, 0  # 1980-01-01
_FLAGS = 1 << 3  # sizes and CRC stand behind the data
_NEEDS, _NEEDS_64 = 20, 45
_MADE_BY = (3 << 8) | 45  # Unix, whose attributes say that it is a regular file
_ATTRIBUTES = 0o100644 << 16
_LIMIT_32 = 0xFFFFFFFF
_WIDE = 0xF0000000
"""Bytes from which on an entry's sizes have 64 bits: deflated it may be larger than it is."""
_LIMIT_16 = 0xFFFF
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR_64 = struct.Struct("<4sIQI")
_SEAL = 64
_STORED_BLOCK = 0xFFFF


class _Entry(NamedTuple):
    name: str
    crc: int
    packed: int
    """Bytes in the container."""
    size: int
    """Bytes unpacked."""
    offset: int
    """Of the local header."""

    @property
    def is_wide(self) -> bool:
        return self.size >= _WIDE

    @property
    def method(self) -> int:
        return _STORED if self.size == 0 or self.name.lower().endswith(_IS_PACKED) else _DEFLATED

    @property
    def local(self) -> bytes:
        name, extra = self.name.encode("ascii"), struct.pack("<2H2Q", 1, 16, 0, 0) if self.is_wide else b""
        sizes = _LIMIT_32 if self.is_wide else 0
        needs = _NEEDS_64 if self.is_wide else _NEEDS
        head = (b"PK\3\4", needs, _FLAGS, self.method, _TIME, _DATE, 0, sizes, sizes, len(name), len(extra))
        return _LOCAL.pack(*head) + name + extra

    @property
    def descriptor(self) -> bytes:
        return struct.pack("<4sI2Q" if self.is_wide else "<4sI2I", b"PK\7\x08", self.crc, self.packed, self.size)

    @property
    def central(self) -> bytes:
        name = self.name.encode("ascii")
        wide = [self.size, self.packed] if self.is_wide else []
        wide += [self.offset] if self.offset >= _LIMIT_32 else []
        extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        packed, size = (_LIMIT_32, _LIMIT_32) if self.is_wide else (self.packed, self.size)
        needs = _NEEDS_64 if wide else _NEEDS
        head = (b"PK\1\2", _MADE_BY, needs, _FLAGS, self.method, _TIME, _DATE, self.crc, packed, size)
        return _CENTRAL.pack(*head, len(name), len(extra), 0, 0, 0, _ATTRIBUTES, min(self.offset, _LIMIT_32)) + name + extra

    @property
    def data_at(self) -> int:
        return self.offset + len(self.local)

    @property
    def end(self) -> int:
        return self.data_at + self.packed + len(self.descriptor)


def _end_records(count: int, start: int, size: int) -> bytes:
    """All behind the central directory, but for the comment."""
    records = b""
    if count >= _LIMIT_16 or start >= _LIMIT_32 or size >= _LIMIT_32:
        records += _END_64.pack(b"PK\6\6", _END_64.size - 12, _MADE_BY, _NEEDS_64, 0, 0, count, count, size, start)
        records += _LOCATOR_64.pack(b"PK\6\7", 0, start + size, 1)
    short = min(count, _LIMIT_16)
    return records + _END.pack(b"PK\5\6", 0, 0, short, short, min(size, _LIMIT_32), min(start, _LIMIT_32), _SEAL)


def _order(name: str) -> tuple[bool, str]:
    return name == STATEMENT_FILE, name


class _Names:
    """Refuses a name that may not follow the ones before it."""

    def __init__(self) -> None:
        self._last: str | None = None
        self._above: list[str] = []
        """Files that what follows could be within, if they were folders."""

    def add(self, name: str) -> None:
        if not is_name(name):
            raise ContainerFault(f"{printable(repr(name), 120)} is not a valid file name in a bundle")
        if self._last is not None and _order(name) <= _order(self._last):
            what = "is in it twice" if name == self._last else f"follows {_shown(self._last)}, out of name order"
            raise ContainerFault(f"{_shown(name)} {what}")
        while self._above and not name.startswith(self._above[-1]):
            self._above.pop()
        # `a b` stands between `a` and `a/b`
        for above in self._above:
            if name.startswith(f"{above}/"):
                raise ContainerFault(f"{_shown(above)} is both a file and a folder in it")
        self._above.append(name)
        self._last = name


class ContainerWriter:
    """Writes a container in one pass."""

    def __init__(self, file: IO[bytes]) -> None:
        """Args:
        file: empty, open for writing; need not be seekable.
        """
        self._file = file
        self._seal = hashlib.sha256()
        self._at = 0
        self._unpacked = 0
        self._entries: list[_Entry] = []
        self._names = _Names()

    def add(self, name: str, blocks: Iterable[bytes], size: int) -> Subject:
        """Write a file; files come in the order of their names, the statement last.

        Args:
            name: see `mlebench.evidence.names`.
            blocks: its content.
            size: bytes that this comes to.

        Raises:
            ContainerFault: the name or its place is wrong, the content has another size, or a bound of containers is passed.
        """
        self._names.add(name)
        if len(self._entries) >= MOST_ENTRIES:
            raise ContainerFault(f"a bundle holds at most {MOST_ENTRIES:,} files")
        if self._unpacked + size > LARGEST_TOTAL:
            raise ContainerFault(f"the files of a bundle have at most {show_size(LARGEST_TOTAL)}")
        entry = _Entry(name, 0, 0, size, self._at)
        self._write(entry.local)
        start = self._at
        digest, crc, read = hashlib.sha256(), 0, 0
        packing = _Packing() if entry.method == _DEFLATED else None
        for block in blocks:
            read += len(block)
            if read > size:
                break
            digest.update(block)
            crc = zlib.crc32(block, crc)
            for part in (block[place : place + _BLOCK] for place in range(0, len(block), _BLOCK)):
                self._unpacked += len(part)
                self._write(packing.pack(part, self._is_dense) if packing else part)
        if read != size:
            raise ContainerFault(f"{_shown(name)} changed size while it was read: {size:,} bytes were stated")
        if packing:
            self._write(packing.end())
        entry = entry._replace(crc=crc, packed=self._at - start)
        self._write(entry.descriptor)
        self._entries.append(entry)
        return Subject(name, digest.hexdigest(), size)

    def close(self) -> None:
        """Write what ends the container; the file stays open."""
        start = self._at
        for entry in self._entries:
            self._write(entry.central)
        self._write(_end_records(len(self._entries), start, self._at - start))
        self._file.write(self._seal.hexdigest().encode("ascii"))

    @property
    def _is_dense(self) -> bool:
        """Whether more of what packs so well would make the container one that readers take for a bomb."""
        return self._unpacked > _FREE_OF_RATIO and self._unpacked > _WRITTEN_RATIO * self._at

    def _write(self, content: bytes) -> None:
        self._file.write(content)
        self._seal.update(content)
        self._at += len(content)


class _Packing:
    """Deflates one file, parts of which may be in it as they are."""

    def __init__(self) -> None:
        self._deflate = _deflate()
        self._is_begun = False

    def pack(self, content: bytes, as_it_is: bool) -> bytes:
        if not as_it_is:
            self._is_begun = True
            return self._deflate.compress(content)
        packed = b""
        if self._is_begun:
            packed, self._deflate, self._is_begun = self._deflate.flush(zlib.Z_FULL_FLUSH), _deflate(), False
        parts = [content[place : place + _STORED_BLOCK] for place in range(0, len(content), _STORED_BLOCK)]
        return packed + b"".join(struct.pack("<B2H", 0, len(part), len(part) ^ 0xFFFF) + part for part in parts)

    def end(self) -> bytes:
        return self._deflate.flush()


def _deflate() -> zlib._Compress:
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)


class Container:
    """A container that anybody may have written, open for reading."""

    def __init__(self, file: IO[bytes], size: int, entries: dict[str, _Entry]) -> None:
        self._file = file
        self._size = size
        self._entries = entries

    @classmethod
    def open(cls, path: Path) -> Container:
        """Look at the whole layout; contents are looked at as they are read.

        Raises:
            ContainerFault: it is not a container in canonical form.
            OSError: it cannot be read.
        """
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
        if not path.is_file() and path.exists():
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        file = path.open("rb")
        try:
            size = file.seek(0, 2)
            return cls(file, size, _entries_of(file, size))
        except BaseException:
            file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    form_faults = ()
    """Nothing is wrong with the form of a container that could be opened."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of all files, in order; the statement is one of them."""
        return tuple(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def size(self, name: str) -> int:
        """Bytes of a file, as the container states them."""
        return self._entries[name].size

    @functools.cached_property
    def _digests(self) -> tuple[str, str, str]:
        whole, left = hashlib.sha256(), self._size - _SEAL
        self._file.seek(0)
        while left > 0 and (block := self._file.read(min(2**20, left))):
            whole.update(block)
            left -= len(block)
        found, stated = whole.hexdigest(), self._file.read(_SEAL)
        whole.update(stated)
        return whole.hexdigest(), found, stated.decode("ascii", "replace")

    @property
    def sha256(self) -> str:
        """Of the whole file; reads all of it, once."""
        return self._digests[0]

    @property
    def is_sealed(self) -> bool:
        """Whether its comment is the hash of every byte before it; reads the whole file, once."""
        return self._digests[1] == self._digests[2]

    def blocks(self, name: str) -> Iterator[bytes]:
        """The content of a file.

        Raises:
            ContainerFault: what is there does not unpack to exactly the stated bytes.
        """
        entry = self._entries[name]
        crc, size = 0, 0
        for block in self._unpacked(entry):
            crc, size = zlib.crc32(block, crc), size + len(block)
            if size > entry.size:
                raise ContainerFault(f"it unpacks to more than its {entry.size:,} bytes")
            yield block
        if size != entry.size:
            raise ContainerFault(f"it unpacks to {size:,} bytes instead of {entry.size:,}")
        if crc != entry.crc:
            raise ContainerFault("it is damaged: its checksum in the container differs")

    def read(self, name: str, most: int) -> bytes:
        """The content of a file of at most `most` bytes.

        Raises:
            ContainerFault: as `blocks`, or it is larger.
        """
        if self.size(name) > most:
            raise ContainerFault(f"it is larger than {show_size(most)}")
        return b"".join(self.blocks(name))

    def _unpacked(self, entry: _Entry) -> Iterator[bytes]:
        packed = self._packed(entry)
        if entry.method == _STORED:
            yield from packed
            return
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for block in packed:
                while block and not inflate.eof:
                    content = inflate.decompress(block, _BLOCK)
                    block = inflate.unconsumed_tail
                    if content:
                        yield content
                if inflate.unused_data or block:
                    raise ContainerFault("it has bytes after its end")
            while not inflate.eof and (content := inflate.decompress(b"", _BLOCK)):
                yield content
        except zlib.error:
            raise ContainerFault("it is damaged: it does not unpack") from None
        if not inflate.eof:
            raise ContainerFault("it is damaged: its end is missing")

    def _packed(self, entry: _Entry) -> Iterator[bytes]:
        at, left = entry.data_at, entry.packed
        while left > 0:
            self._file.seek(at)
            if not (block := self._file.read(min(_BLOCK, left))):
                raise ContainerFault("it was truncated while it was read")
            at, left = at + len(block), left - len(block)
            yield block


def refuse_bomb(unpacked: int, size: int) -> None:
    """Refuse a container of `size` bytes whose files come to `unpacked` bytes, as no bundle packs so well.

    Raises:
        ContainerFault: they do.
    """
    if unpacked > LARGEST_TOTAL or (unpacked > _FREE_OF_RATIO and unpacked > _LARGEST_RATIO * size):
        raise ContainerFault("it would unpack to far more than a bundle of its size holds")


def _entries_of(file: IO[bytes], size: int) -> dict[str, _Entry]:
    count, start, length = _directory_of(file, size)
    if count > MOST_ENTRIES or length > _LARGEST_DIRECTORY:
        raise ContainerFault(f"it lists more than {MOST_ENTRIES:,} files or {show_size(_LARGEST_DIRECTORY)} of their names")
    file.seek(start)
    directory = file.read(length)
    entries: dict[str, _Entry] = {}
    names, place, at, unpacked = _Names(), 0, 0, 0
    for number in range(1, count + 1):
        entry, place = _entry_at(directory, place, number, at)
        names.add(entry.name)
        entries[entry.name] = entry
        at = entry.end
        if at > start:
            raise ContainerFault(f"{_shown(entry.name)} reaches beyond the files' place in it")
        unpacked += entry.size
        refuse_bomb(unpacked, size)
    if place != len(directory):
        raise ContainerFault("its file list contains more than the files")
    if at != start:
        raise ContainerFault("it contains bytes between its files and their list")
    for entry in entries.values():
        _refuse_other_headers(file, entry)
    return entries


def _directory_of(file: IO[bytes], size: int) -> tuple[int, int, int]:
    """How many entries there are, and where the central directory starts and how long it is."""
    tail_size = min(size, _END_64.size + _LOCATOR_64.size + _END.size + _SEAL)
    file.seek(0)
    begin = file.read(4)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    if begin not in (b"PK\3\4", b"PK\5\6") or len(tail) < _END.size + _SEAL:
        raise ContainerFault("it is not a bundle: it does not begin like a zip file")
    end = tail[-(_END.size + _SEAL) : -_SEAL]
    if not end.startswith(b"PK\5\6"):
        raise ContainerFault("it was not written by `mlebench bundle` or is truncated: its end differs")
    _, _, _, _, count, length, start, _ = _END.unpack(end)
    wide = tail[: -(_LOCATOR_64.size + _END.size + _SEAL)] if len(tail) == tail_size else b""
    if wide.startswith(b"PK\6\6") and len(wide) == _END_64.size and max(count, start >> 16, length >> 16) >= _LIMIT_16:
        *_, count, length, start = _END_64.unpack(wide)
    records = _end_records(count, start, length)
    if start + length + len(records) + _SEAL != size or tail[-len(records) - _SEAL : -_SEAL] != records:
        raise ContainerFault("its end does not match its size: bytes were added, removed or changed")
    return count, start, length


def _entry_at(directory: bytes, place: int, number: int, offset: int) -> tuple[_Entry, int]:
    """An entry of the central directory, and where the next one is."""
    head = directory[place : place + _CENTRAL.size]
    if len(head) < _CENTRAL.size:
        raise ContainerFault(f"entry {number} of its file list is truncated")
    *_, crc, packed, size, name_size, extra_size, _, _, _, _, _ = _CENTRAL.unpack(head)
    name_at = place + _CENTRAL.size
    raw = directory[name_at : name_at + name_size]
    extra = directory[name_at + name_size : name_at + name_size + extra_size]
    name = raw.decode("ascii", "backslashreplace")
    if packed == size == _LIMIT_32 and len(extra) >= 20:
        size, packed = struct.unpack("<2Q", extra[4:20])
    if not is_name(name):
        raise ContainerFault(f"{printable(repr(name), 120)} is not a valid file name in a bundle")
    entry = _Entry(name, crc, packed, size, offset)
    record = entry.central if packed < 2**62 and size < 2**62 else b""
    if directory[place : place + len(record)] != record or not record:
        raise ContainerFault(
            f"entry {number} of its list of files, {_shown(name)}, is not in the form that `mlebench bundle` writes"
        )
    return entry, place + len(record)


def _refuse_other_headers(file: IO[bytes], entry: _Entry) -> None:
    for at, record in ((entry.offset, entry.local), (entry.end - len(entry.descriptor), entry.descriptor)):
        file.seek(at)
        if file.read(len(record)) != record:
            raise ContainerFault(f"the header of {_shown(entry.name)} contradicts the file list")


def _shown(name: str) -> str:
    return printable(name, 200)
