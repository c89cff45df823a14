"""What a file is by its first bytes, whatever its name says: the real cause where it is not what it should be."""

from __future__ import annotations

import codecs
from pathlib import Path

_MAGIC = {
    b"Rar!\x1a\x07": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"PK\x05\x06": "an empty zip",
    b"\x1f\x8b": "a gzip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ\x00": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"PAR1": "a parquet table",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel or Office file",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself",
    codecs.BOM_UTF32_LE: "UTF-32 text",
    codecs.BOM_UTF32_BE: "UTF-32 text",
    codecs.BOM_UTF16_LE: "UTF-16 text",
    codecs.BOM_UTF16_BE: "UTF-16 text",
}
"""Longer beginnings stand before those that they begin with."""
_BEGINS_A_ZIP = b"PK\x03\x04"
_HEAD = 4096


def kind_of_content(path: Path) -> str:
    """What a regular file is, with its article, such as `a web page` or `UTF-16 text`.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return "an empty file"
    if head.startswith(_BEGINS_A_ZIP):
        import zipfile

        return "a zip" if zipfile.is_zipfile(path) else "the beginning of a zip"
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    if not head.strip(b"\0"):
        return "nothing but zero bytes"
    if _is_web_page(head):
        return "a web page"
    return _kind_of_text(head)


def trouble_of_table(path: Path) -> str | None:
    """Why a file cannot be a csv table in UTF-8 with commas, as the end of a sentence; None where its beginning does not say.

    Raises:
        OSError: it cannot be read.
    """
    kind = kind_of_content(path)
    if "UTF-16" in kind or "UTF-32" in kind:
        return f"it is {kind}; save it as UTF-8"
    if kind not in ("text", "text in another encoding than UTF-8"):
        return f"it is {kind}"
    with path.open("rb") as file:
        header = file.readline(_HEAD)
    for separator, name in ((b";", "semicolons"), (b"\t", "tabs"), (b"|", "vertical bars")):
        if separator in header and b"," not in header:
            return f"its columns are separated by {name}; save it with commas"
    return "it is text in another encoding than UTF-8; save it as UTF-8" if kind != "text" else None


def _is_web_page(head: bytes) -> bool:
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:200].lower()
    return start.startswith((b"<!doctype html", b"<html")) or (start.startswith(b"<?xml") and b"<html" in head.lower())


def _kind_of_text(head: bytes) -> str:
    # text without a mark: every other byte of letters is zero
    if head[1::2].count(0) > 0.4 * len(head[1::2]) or head[::2].count(0) > 0.4 * len(head[::2]):
        return "UTF-16 text"
    if b"\0" in head:
        return "binary data"
    try:
        # a character may be cut at the end
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        printable = sum(byte >= 32 or byte in b"\t\r\n" for byte in head)
        return "text in another encoding than UTF-8" if printable > 0.95 * len(head) else "binary data"
    return "text"
