"""A zip file that holds a bundle's files in another form than ours, read as far as that is safe.

It is not a bundle as distributed, so level 1 fails; but anyone who re-packed an unpacked bundle, or changed a file in it with
some other program, is to hear what the other levels find as well.
"""

from __future__ import annotations

import functools
import hashlib
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from mlebench._support.quantities import show_size
from mlebench.errors import ContainerFault
from mlebench.evidence.container import MOST_ENTRIES, refuse_bomb
from mlebench.evidence.names import is_name
from mlebench.evidence.verdict import Finding

_LARGEST = 256 * 2**20
"""Bytes of such a file: its list of files is read into memory whatever its size."""
_BLOCK = 2**20
_ENCRYPTED = 1
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError)


class ForeignContainer:
    """Such a zip file, open for reading; the same to a reader as a `Container`."""

    is_sealed = False

    def __init__(self, path: Path, archive: zipfile.ZipFile, why: str) -> None:
        self._path = path
        self._archive = archive
        self._infos = {info.filename: info for info in archive.infolist() if not info.is_dir()}
        self.form_faults = (Finding("", why),)
        """Why it is none of ours."""

    @classmethod
    def open(cls, path: Path, why: str) -> ForeignContainer:
        """Look at its list of files.

        Args:
            path: the file.
            why: what keeps it from being a bundle as `mlebench bundle` writes it.

        Raises:
            ContainerFault: it is not a zip file that can be read safely.
        """
        size = path.stat().st_size
        if size > _LARGEST:
            raise ContainerFault(f"it is larger than {show_size(_LARGEST)}")
        try:
            archive = zipfile.ZipFile(path)
        except _DAMAGED:
            raise ContainerFault("it is not a zip file") from None
        try:
            _refuse_unsafe(archive.infolist(), size)
            return cls(path, archive, why)
        except BaseException:
            archive.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._archive.close()

    @property
    def names(self) -> tuple[str, ...]:
        """Of all files, in the order in which they are listed."""
        return tuple(self._infos)

    def __contains__(self, name: str) -> bool:
        return name in self._infos

    def size(self, name: str) -> int:
        """Bytes of a file, as the list of files states them."""
        return self._infos[name].file_size

    @functools.cached_property
    def sha256(self) -> str:
        """Of the whole file."""
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def blocks(self, name: str) -> Iterator[bytes]:
        """The content of a file, at most as many bytes as are stated.

        Raises:
            ContainerFault: it is damaged.
        """
        try:
            with self._archive.open(self._infos[name]) as file:
                while block := file.read(_BLOCK):
                    yield block
        except _DAMAGED:
            raise ContainerFault("it is damaged: it does not unpack") from None

    def read(self, name: str, most: int) -> bytes:
        """The content of a file of at most `most` bytes.

        Raises:
            ContainerFault: it is damaged or larger.
        """
        if self.size(name) > most:
            raise ContainerFault(f"it is larger than {show_size(most)}")
        return b"".join(self.blocks(name))


def _refuse_unsafe(infos: list[zipfile.ZipInfo], size: int) -> None:
    if len(infos) > MOST_ENTRIES:
        raise ContainerFault(f"it lists more than {MOST_ENTRIES:,} files")
    names: set[str] = set()
    unpacked = 0
    for info in infos:
        if info.is_dir() and is_name(info.filename[:-1]):
            continue
        mode = info.external_attr >> 16
        is_file = not stat.S_IFMT(mode) or stat.S_ISREG(mode)
        if not is_name(info.filename) or info.filename in names or not is_file or info.flag_bits & _ENCRYPTED:
            raise ContainerFault("a file in it cannot be unpacked safely")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ContainerFault("a file in it uses another compression method")
        names.add(info.filename)
        unpacked += info.file_size
        refuse_bomb(unpacked, size)
    above = {name[:place] for name in names for place, letter in enumerate(name) if letter == "/"}
    if names & above:
        raise ContainerFault("a file in it is also a folder")
