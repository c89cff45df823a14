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
    b"version https://git-lfs": "a Git LFS pointer, not the file itself",
    codecs.BOM_UTF32_LE: "UTF-32 text",
    codecs.BOM_UTF32_BE: "UTF-32 text",
    codecs.BOM_UTF16_LE: "UTF-16 text",
    codecs.BOM_UTF16_BE: "UTF-16 text",
}
"""Longer beginnings stand before those that they begin with."""
_BEGINS_A_ZIP = b"PK\x03\x04"
HEAD = 4096
"""Bytes that are looked at."""


def kind_of_content(path: Path) -> str:
    """What a regular file is, with its article, such as `a web page` or `UTF-16 text`.

    Raises:
        OSError: it cannot be read.
    """
    head = read_head(path)
    if head.startswith(_BEGINS_A_ZIP) and not _is_whole_zip(path):
        return "the beginning of a zip"
    return kind_of_head(head)


def read_head(path: Path) -> bytes:
    """The first bytes of a file, enough to tell what it is."""
    with path.open("rb") as file:
        return file.read(HEAD)


def kind_of_head(head: bytes) -> str:
    """What begins with these bytes (see `kind_of_content`)."""
    if not head:
        return "an empty file"
    if head.startswith(_BEGINS_A_ZIP):
        return "a zip"
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    if not head.strip(b"\0"):
        return "nothing but zero bytes"
    return "a web page" if _is_web_page(head) else _kind_of_text(head)


def trouble_of_text(head: bytes) -> str | None:
    """Why content with these first bytes is not UTF-8 text, as the end of a sentence; None if unknown."""
    kind = kind_of_head(head)
    if kind == "text":
        return None
    return f"it is {kind}; save it as UTF-8" if "text" in kind else f"it is {kind}"


def trouble_of_table(head: bytes) -> str | None:
    """Why content with these first bytes is not a comma-separated UTF-8 csv table; None if unknown."""
    header = head.partition(b"\n")[0]
    if (trouble := trouble_of_text(head)) and not trouble.startswith("it is text"):
        return trouble
    for separator, name in ((b";", "semicolons"), (b"\t", "tabs"), (b"|", "vertical bars")):
        if separator in header and b"," not in header:
            return f"its columns are separated by {name}; save it with commas"
    return trouble


def _is_whole_zip(path: Path) -> bool:
    import zipfile

    return zipfile.is_zipfile(path)


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
        return "text in an encoding other than UTF-8" if printable > 0.95 * len(head) else "binary data"
    return "text"
