"""One file behind gzip, bzip2, xz or zstd."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Iterator, Set
from typing import IO, Literal, cast

from mlebench.preparation.audit.seen.archives.member import HEAD, Member, Opener, damage_told, told
from mlebench.preparation.audit.seen.bounds import COUNTED
from mlebench.preparation.audit.seen.window import PIECE, AnyWindow, as_file

Packing = Literal["gzip", "bzip2", "xz", "zstd"]

_SUFFIXES = (".gz", ".gzip", ".bz2", ".xz", ".lzma", ".zst")


def unpacked(packing: Packing, file: IO[bytes]) -> IO[bytes]:
    """The stream behind one of these packings.

    Raises:
        OSError: it cannot be begun; when reading, library errors are passed on as they are.
    """
    if packing == "gzip":
        return cast(IO[bytes], gzip.GzipFile(fileobj=file))
    if packing == "bzip2":
        return bz2.BZ2File(file)
    if packing == "xz":
        return lzma.LZMAFile(file)
    import pyarrow as pa

    return cast(IO[bytes], pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd"))


class Single:
    """An archive of one file."""

    in_passes = False

    def __init__(self, window: AnyWindow, packing: Packing, name: str) -> None:
        """Look at nothing yet.

        Args:
            window: its bytes.
            packing: how they are packed.
            name: the archive's own name, from which its member's name follows.
        """
        self._window = window
        self._packing = packing
        self._name = name

    def entries(self) -> Iterator[tuple[Member, Opener]]:
        """See `Archive`."""
        size, trouble = self._size()
        member = Member(self._member_name(), size, modified=self._modified(), packed=self._window.size, at=0)
        yield member, Opener(self._head, lambda: self.open(0, 0, 0))
        if trouble is not None:
            raise trouble

    def wanted(self, positions: Set[int]) -> Iterator[tuple[int, IO[bytes]]]:
        """See `Archive`."""
        if 0 in positions:
            yield 0, self.open(0, 0, 0)

    def open(self, position: int, at: int, size: int) -> IO[bytes]:
        """See `Archive`."""
        with damage_told():
            return told(unpacked(self._packing, as_file(self._window)), self._window.size)

    def window(self, at: int, size: int) -> AnyWindow | None:
        """See `Archive`."""
        return None

    def _head(self) -> bytes:
        return self.open(0, 0, 0).read(HEAD)

    def _member_name(self) -> str:
        for suffix in _SUFFIXES:
            if self._name.lower().endswith(suffix) and len(self._name) > len(suffix):
                return self._name[: -len(suffix)]
        return self._name

    def _modified(self) -> float | None:
        stated = int.from_bytes(self._window.at(4, 4), "little") if self._packing == "gzip" else 0
        return float(stated) if stated else None

    def _size(self) -> tuple[int, OSError | None]:
        """Bytes of the file, those before the damage where there is some."""
        if self._packing == "gzip" and self._window.size > COUNTED:
            return int.from_bytes(self._window.at(self._window.size - 4, 4), "little"), None
        size = 0
        try:
            file = self.open(0, 0, 0)
            while piece := file.read(PIECE):
                size += len(piece)
        except OSError as error:
            return size, error
        return size, None
