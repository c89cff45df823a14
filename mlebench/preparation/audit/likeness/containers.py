"""Pictures within files that hold many: TFRecord, BSON and parquet, each with what names it."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import IO, NamedTuple

ENDINGS = ("tfrec", "tfrecord", "tfrecords", "bson", "parquet")
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"RIFF")
_LONGEST_NAME = 200
_MOST = 2**28
"""Bytes of one record."""


class Picture(NamedTuple):
    """One picture of a file."""

    names: tuple[str, ...]
    """Short texts and whole numbers next to it, one of which names it."""
    content: bytes


def pictures_in(name: str, stream: IO[bytes]) -> Iterator[Picture]:
    """The pictures of a file, in order; a damaged file gives those before the damage.

    Args:
        name: its last part, whose ending says the format.
        stream: the content.
    """
    ending = name.rpartition(".")[2].lower()
    try:
        yield from _of_parquet(stream) if ending == "parquet" else _of_bson(stream) if ending == "bson" else _of_records(stream)
    except (OSError, ValueError, LookupError, struct.error, OverflowError, UnicodeDecodeError, StopIteration):
        return


def _is_picture(value: object) -> bool:
    return isinstance(value, bytes) and len(value) > 100 and value.startswith(_MAGIC)


def _of_records(stream: IO[bytes]) -> Iterator[Picture]:
    from mlebench.data.tfrecord import decode_example

    while len(head := stream.read(12)) == 12:
        (length,) = struct.unpack("<Q", head[:8])
        if length > _MOST:
            return
        features = decode_example(stream.read(length + 4)[:length])
        values = [value[0] for value in features.values() if len(value) == 1]
        yield from _apart(values)


def _apart(values: list[bytes | int | float]) -> Iterator[Picture]:
    names = [value.decode("utf-8", "replace") for value in values if isinstance(value, bytes) and len(value) <= _LONGEST_NAME]
    numbers = [str(value) for value in values if isinstance(value, int)]
    for value in values:
        if isinstance(value, bytes) and _is_picture(value):
            yield Picture((*names, *numbers), value)


def _of_bson(stream: IO[bytes]) -> Iterator[Picture]:
    while len(head := stream.read(4)) == 4:
        (length,) = struct.unpack("<i", head)
        if not 5 <= length <= _MOST:
            return
        yield from _apart([*_bson_values(head + stream.read(length - 4))])


def _bson_values(document: bytes) -> Iterator[bytes | int | float]:
    """Texts, binary values and whole numbers of a document and those within it, the key of the document first."""
    place = 4
    while place < len(document) and document[place]:
        kind = document[place]
        place = document.index(b"\0", place + 1) + 1
        if kind in (0x03, 0x04):
            (length,) = struct.unpack_from("<i", document, place)
            yield from _bson_values(document[place : place + length])
        elif kind in (0x02, 0x05):
            (size,) = struct.unpack_from("<i", document, place)
            start = place + 4 + (kind == 0x05)
            yield document[start : start + size - (kind == 0x02)]
            length = start + size - place
        elif kind in (0x10, 0x12):
            length = 4 if kind == 0x10 else 8
            yield int.from_bytes(document[place : place + length], "little", signed=True)
        else:
            length = {0x01: 8, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x11: 8}[kind]
        if length < 0:
            return
        place += length


def _of_parquet(stream: IO[bytes]) -> Iterator[Picture]:
    try:
        import pyarrow.parquet
    except ImportError:
        return
    import pyarrow

    try:
        file = pyarrow.parquet.ParquetFile(stream if stream.seekable() else io.BytesIO(stream.read(_MOST)))
        if not any(_holds_bytes(pyarrow, field.type) for field in file.schema_arrow):
            return
        for batch in file.iter_batches(batch_size=256):
            for row in batch.to_pylist():
                cells = [cell for value in row.values() for cell in (value.values() if isinstance(value, dict) else (value,))]
                yield from _apart([cell.encode() if isinstance(cell, str) else cell for cell in cells if cell is not None])
    except pyarrow.ArrowException:
        return


def _holds_bytes(pyarrow, kind) -> bool:  # type: ignore[no-untyped-def]
    types = pyarrow.types
    inner = [kind.field(place).type for place in range(kind.num_fields)] if types.is_struct(kind) else [kind]
    return any(types.is_binary(one) or types.is_large_binary(one) for one in inner)
