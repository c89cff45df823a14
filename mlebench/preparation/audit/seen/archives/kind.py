"""Identifies an archive format by its first bytes and, if several formats share them, by its name."""

from __future__ import annotations

import functools
import struct
from typing import IO

from mlebench.preparation.audit.seen.archives.member import HEAD, Archive, damage_told
from mlebench.preparation.audit.seen.archives.sevenzip import SevenZip
from mlebench.preparation.audit.seen.archives.single import Packing, Single, unpacked
from mlebench.preparation.audit.seen.archives.tars import Tar, begins_a_tar
from mlebench.preparation.audit.seen.archives.zips import Zip
from mlebench.preparation.audit.seen.window import AnyWindow, as_file

_PACKINGS: dict[bytes, Packing] = {b"\x1f\x8b\x08": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_7Z = b"7z\xbc\xaf\x27\x1c"
_NOT_OPENED = {
    b"Rar!\x1a\x07": "a RAR archive",
    b"MSCF\0\0\0\0": "a cabinet",
    b"\x04\x22\x4d\x18": "an lz4 file",
    b"\x1f\x9d": "a file of compress",
}
_DOCUMENTS = (".npz", ".xlsx", ".xlsm", ".docx", ".pptx", ".odt", ".ods", ".jar", ".apk", ".epub", ".whl", ".keras", ".kmz")
"""Zips in which a program stores a single document."""
_FIRST_MEMBERS = ("[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF")
_MAY_BE_ARCHIVES = (b"PK", b"7z", b"\x1f\x8b", b"\x1f\x9d", b"BZ", b"\xfd7", b"\x28\xb5", b"Ra", b"MS", b"\x04\x22")
SMALLEST = 18
"""Bytes of the smallest archive."""


def could_be_archive(head: bytes, name: str) -> bool:
    """Whether first bytes (at least two) leave it open that this is an archive; cheap, and seldom wrong."""
    return head[:2] in _MAY_BE_ARCHIVES or name[-4:].lower() == ".tar" or head[257:262] == b"ustar"


def open_archive(window: AnyWindow, name: str) -> Archive | None:
    """The archive that a content is; None if it is none.

    Args:
        window: its bytes.
        name: the last part of its path.

    Raises:
        OSError: it is one that cannot be opened.
    """
    head = window.at(0, HEAD)
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return None if is_document(head, name) else Zip(window)
    if head.startswith(_7Z):
        return SevenZip(window)
    for magic, kind in _NOT_OPENED.items():
        if head.startswith(magic) and (kind != "a cabinet" or name.lower().endswith(".cab")):
            raise OSError(f"it is {kind}, which is not opened")
    for magic, packing in _PACKINGS.items():
        if head.startswith(magic) and _is_packed(head, packing):
            return _packed(window, packing, name)
    return Tar(window) if begins_a_tar(head) else None


def is_document(head: bytes, name: str) -> bool:
    """Whether a zip is a program's format for a single document, table or network."""
    if name.lower().endswith(_DOCUMENTS):
        return True
    named = struct.unpack_from("<H", head, 26)[0] if len(head) >= 30 else 0
    first = head[30 : 30 + named].decode("utf-8", "replace")
    return (
        first in _FIRST_MEMBERS
        or first.endswith(("/data.pkl", "/byteorder"))
        or (first.endswith(".npy") and name.lower().endswith(".npz"))
    )


def _is_packed(head: bytes, packing: Packing) -> bool:
    return packing != "bzip2" or (head[3:4].isdigit() and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90"))


def _packed(window: AnyWindow, packing: Packing, name: str) -> Archive:
    try:
        with damage_told():
            block = _beginning(unpacked(packing, as_file(window)))
    except OSError:
        if not name.lower().endswith((".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")):
            return Single(window, packing, name)
        raise
    if begins_a_tar(block):
        return Tar(window, functools.partial(unpacked, packing))
    return Single(window, packing, name)


def _beginning(file: IO[bytes]) -> bytes:
    found = b""
    while len(found) < HEAD and (piece := file.read(HEAD - len(found))):
        found += piece
    return found
