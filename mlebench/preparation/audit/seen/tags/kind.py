"""Which family a content is of, by its first bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable

from mlebench.preparation.audit.seen.formats.encoding import encoding_of
from mlebench.preparation.audit.seen.formats.messages import examples, is_tfrecord
from mlebench.preparation.audit.seen.tags import dicom, documents, pictures, riff, sounds, texts, tiff
from mlebench.preparation.audit.seen.tags.saying import Sayings
from mlebench.preparation.audit.seen.window import AnyWindow, as_file

Reader = Callable[[AnyWindow, Sayings], None]


def _say_nothing(window: AnyWindow, said: Sayings) -> None:
    """An archive, whose members are listed."""


_MAGIC: dict[bytes, Reader] = {
    b"\xff\xd8\xff": pictures.read_jpeg,
    b"\x89PNG\r\n\x1a\n": pictures.read_png,
    b"GIF8": pictures.read_gif,
    b"BM": pictures.read_bmp,
    b"II*\0": tiff.read_tiff,
    b"MM\0*": tiff.read_tiff,
    b"II+\0": tiff.read_tiff,
    b"MM\0+": tiff.read_tiff,
    b"RIFF": riff.read_riff,
    b"FORM": riff.read_aiff,
    b"ID3": sounds.read_mp3,
    b"fLaC": sounds.read_flac,
    b"OggS": sounds.read_ogg,
    b"PK\3\4": documents.read_zip,
    b"PK\5\6": documents.read_zip,
    b"\x1f\x8b": documents.read_gzip,
    b"\x93NUMPY": documents.read_npy,
    b"PAR1": documents.read_parquet,
    b"ARROW1": documents.read_feather,
    b"%PDF": documents.read_pdf,
    b"MATLAB 5.0": documents.read_matlab,
    b"\x89HDF": documents.read_strings,
    b"MATLAB 7.3": documents.read_strings,
    **dict.fromkeys((b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"Rar!"), _say_nothing),
}
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
HEAD = 512


def say(window: AnyWindow, said: Sayings) -> None:
    """Say what a content says about itself."""
    head = window.at(0, HEAD)
    if head:
        reader_of(head, window.size)(window, said)


def reader_of(head: bytes, size: int) -> Reader:
    """What reads a content that begins with these bytes."""
    for magic, reader in _MAGIC.items():
        if head.startswith(magic) and (magic != b"BM" or _is_bmp(head, size)):
            return reader
    if head[128:132] == b"DICM":
        return dicom.read_dicom
    if head[257:262] == b"ustar":
        return _say_nothing
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return sounds.read_mp4
    if head[344:348] in (b"n+1\0", b"ni1\0"):
        return documents.read_nifti
    if is_tfrecord(head):
        return _read_tfrecord
    if head.startswith(_PICKLES):
        return documents.read_pickle
    if (encoding := encoding_of(head)) is not None:
        return lambda window, said: texts.read_text(window, said, encoding)
    if head[0] == 0xFF and len(head) > 1 and head[1] & 0xE6 == 0xE2:
        return sounds.read_mp3
    if head[:2] == b"\x08\0" and head[4:6] in (b"UL", b"UI", b"CS", b"DA"):
        return dicom.read_dicom
    return _read_unknown


def _is_bmp(head: bytes, size: int) -> bool:
    return len(head) >= 26 and struct.unpack_from("<I", head, 14)[0] in (12, 40, 52, 56, 64, 108, 124) and size > 26


def _read_unknown(window: AnyWindow, said: Sayings) -> None:
    # among numbers there is much that looks like short words
    documents.read_strings(window, said, fewest=10)


def _read_tfrecord(window: AnyWindow, said: Sayings) -> None:
    """Of a file of one example its features; tables have those of more."""
    found = examples(as_file(window))
    try:
        first = next(found, {})
        if next(found, None) is None:
            for name, text in first.items():
                said.say(f"tfrecord.{name}", text)
    except ValueError:
        return
