"""Archives as tests need them: made of names and contents, of any kind, one inside the other."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Mapping

Contents = Mapping[str, bytes]


def zipped(contents: Contents, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as opened:
        for name, content in contents.items():
            opened.writestr(zipfile.ZipInfo(name, (2020, 1, 2, 3, 4, 6)), content, method)
    return packed.getvalue()


def tarred(contents: Contents, mode: str = "w") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as opened:  # type: ignore[call-overload]
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), 1_577_934_246, 0o640
            opened.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def seven_zipped(contents: Contents) -> bytes:
    import py7zr

    packed = io.BytesIO()
    with py7zr.SevenZipFile(packed, "w") as opened:
        for name, content in contents.items():
            opened.writestr(content, name)
    return packed.getvalue()


PACKINGS = {
    "a.zip": zipped,
    "stored.zip": lambda contents: zipped(contents, zipfile.ZIP_STORED),
    "bzip2.zip": lambda contents: zipped(contents, zipfile.ZIP_BZIP2),
    "lzma.zip": lambda contents: zipped(contents, zipfile.ZIP_LZMA),
    "a.tar": tarred,
    "a.tar.gz": lambda contents: tarred(contents, "w:gz"),
    "a.tgz": lambda contents: gzip.compress(tarred(contents)),
    "a.tar.bz2": lambda contents: bz2.compress(tarred(contents)),
    "a.tar.xz": lambda contents: lzma.compress(tarred(contents)),
    "a.7z": seven_zipped,
    "no-ending": lambda contents: tarred(contents, "w:gz"),
}
"""Kinds of archives by a name that one might have."""
