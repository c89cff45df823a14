"""Files named .csv that are not csv tables: identifies their real format from the first bytes."""

from __future__ import annotations

import codecs

_SAVE_AS_CSV = "save the table as csv text, for example with `table.to_csv(path, index=False)`"
_UNPACK = "unpack it and submit the csv file inside"

_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "gzip-compressed", _UNPACK),
    (b"BZh", "bzip2-compressed", _UNPACK),
    (b"\xfd7zXZ\x00", "xz-compressed", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed", _UNPACK),
    (b"\x04\x22\x4d\x18", "lz4-compressed", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a rar archive", _UNPACK),
    (b"PAR1", "a parquet file", _SAVE_AS_CSV),
    (b"ARROW1", "an Arrow file", _SAVE_AS_CSV),
    (b"FEA1", "a feather file", _SAVE_AS_CSV),
    (b"Obj\x01", "an Avro file", _SAVE_AS_CSV),
    (b"ORC", "an ORC file", _SAVE_AS_CSV),
    (b"\x93NUMPY", "a NumPy array", _SAVE_AS_CSV),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _SAVE_AS_CSV),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", _SAVE_AS_CSV),
    (b"SQLite format 3\x00", "an SQLite database", _SAVE_AS_CSV),
    (b"%PDF-", "a PDF document", _SAVE_AS_CSV),
    (b"\x89PNG", "an image", _SAVE_AS_CSV),
    (b"\xff\xd8\xff", "an image", _SAVE_AS_CSV),
    (b"version https://git-lfs.github.com", "a Git LFS pointer", "submit the file it points to"),
)
_PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
_ENCODINGS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def foreign_format(head: bytes) -> str | None:
    """The format of a file that is certainly not UTF-8 csv text, and how to fix it; None if unknown.

    Args:
        head: the first few thousand bytes.
    """
    for signature, what, remedy in _SIGNATURES:
        if head.startswith(signature):
            # a column may have this name, but such a file does not continue as text
            if signature.isascii() and signature.isalnum() and b"\x00" not in head:
                continue
            return f"the file is {what}, not csv text; {remedy}"
    if head.startswith(b"PK\x03\x04"):
        return f"the file is {_kind_of_zip(head)}, not csv text; {_SAVE_AS_CSV if b'xl/' in head else _UNPACK}"
    if head[257:262] == b"ustar":
        return f"the file is a tar archive, not csv text; {_UNPACK}"
    if head.startswith(_PICKLES):
        return f"the file is a Python pickle, not csv text; {_SAVE_AS_CSV}"
    if encoding := _wide_encoding(head):
        return f"the file is text in {encoding}; save it as UTF-8"
    return None


def foreign_text(head: bytes) -> str | None:
    """The format of text whose first line is not a header: HTML, JSON, XML; None if unknown."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if start.startswith(b"<?xml"):
        return f"the file is XML, not csv text; {_SAVE_AS_CSV}"
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<body", b"<table", b"<div", b"<!--")):
        return f"the file is an HTML page, not csv text; {_SAVE_AS_CSV}"
    if start.startswith(b"{") or (start.startswith(b"[") and start[1:].lstrip().startswith((b"{", b"[", b'"'))):
        return f"the file is JSON, not csv text; {_SAVE_AS_CSV}"
    return None


def _kind_of_zip(head: bytes) -> str:
    if b"xl/" in head or (b"[Content_Types].xml" in head and b".xlsx" not in head):
        return "an Excel workbook"
    return "a NumPy archive" if b".npy" in head[:200] else "a zip archive"


def _wide_encoding(head: bytes) -> str | None:
    for mark, encoding in _ENCODINGS:
        if head.startswith(mark):
            return encoding
    # text without a byte order mark, recognised by the zero bytes next to ASCII characters
    units = head[: len(head) // 4 * 4]
    if len(units) < 8:
        return None
    zeros = [units[k::4].count(0) * 4 / len(units) for k in range(4)]
    often, never = (sum(share > 0.4 for share in zeros), sum(share < 0.05 for share in zeros))
    if often == 3 and never == 1:
        return "UTF-32"
    if often == 2 and never == 2 and (zeros[0] > 0.4) == (zeros[2] > 0.4):
        return "UTF-16"
    return None
