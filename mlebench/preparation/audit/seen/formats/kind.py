"""Which tables a content may hold, by its first bytes and its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlebench.preparation.audit.seen.formats import (
    arrays,
    columnar,
    databases,
    delimited,
    markup,
    messages,
    pickled,
    records,
    sheets,
)
from mlebench.preparation.audit.seen.formats.encoding import encoding_of
from mlebench.preparation.audit.seen.formats.found import Content, Found

Reader = Callable[[Content], Iterator[Found]]

HEAD = 512
"""Bytes that determine the kind."""

_NO_TABLES = frozenset(
    """
    .jpg .jpeg .png .gif .bmp .tif .tiff .webp .jp2 .svg .ico .wav .mp3 .flac .ogg .m4a .aac .aif .aiff .mp4 .avi .mov
    .mkv .webm .dcm .dicom .nii .pdf .doc .docx .ppt .pptx .rtf .ipynb .m .c .h .cpp .css .pt .pth .ckpt .onnx .h5 .hdf5
    .zip .gz .bz2 .xz .7z .tar .tgz .rar .rmd .tex .bib .ttf .so .dll .exe .bin
    """.split()  # noqa: SIM905  # a list of words
)
"""Endings of files that hold none."""
_MAGIC: dict[bytes, Reader] = {
    b"PAR1": columnar.tables,
    b"ARROW1": columnar.tables,
    b"FEA1": columnar.tables,
    b"\x93NUMPY": arrays.npy_tables,
    b"MATLAB 5.0": arrays.matlab_tables,
    b"SQLite format 3\0": databases.tables,
}
_SUFFIXES: dict[str, Reader] = {
    ".npz": arrays.npz_tables,
    ".xlsx": sheets.tables,
    ".xlsm": sheets.tables,
    ".bson": messages.bson_tables,
    ".tfrec": messages.tfrecord_tables,
    ".tfrecord": messages.tfrecord_tables,
    ".tfrecords": messages.tfrecord_tables,
    ".pkl": pickled.tables,
    ".pickle": pickled.tables,
    ".joblib": pickled.tables,
}
_MARKUP = frozenset(".htm .html .md .rst .py .js .xml .yaml .yml .toml .ini .cfg .sh .r .sql .kml .gpx".split())  # noqa: SIM905
"""Endings of text that is not made of columns."""
TEXTS: frozenset[Reader] = frozenset({delimited.tables, records.tables, markup.tables})
"""Readers of text, of which many alike are taken together."""


def could_hold(suffix: str) -> bool:
    """Whether a file of this ending may hold a table."""
    return suffix not in _NO_TABLES


def reader_of(head: bytes, suffix: str) -> Reader | None:
    """What reads the tables of a content; None if it holds none."""
    for magic, reader in _MAGIC.items():
        if head.startswith(magic):
            return reader
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    if messages.is_tfrecord(head):
        return messages.tfrecord_tables
    if head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return pickled.tables
    if (encoding := encoding_of(head)) is None:
        return None
    if suffix in _MARKUP:
        return markup.tables
    start = head.decode(encoding, "replace").lstrip()[:1]
    return records.tables if start in ("{", "[") and suffix not in (".csv", ".tsv") else delimited.tables
