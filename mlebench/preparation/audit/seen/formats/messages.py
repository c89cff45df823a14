"""Records one after the other: TFRecord files of examples, and BSON documents."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from mlebench.data.tfrecord import decode_example, masked_crc32c
from mlebench.preparation.audit.seen.formats.found import Content, Found, cell, columns_of, frames_of_records

if TYPE_CHECKING:
    import pandas as pd

_SAMPLE = 50
_LONGEST = 1_000
"""Maximum bytes or items of a value that is not a picture, sound or row of measurements."""
_MOST_OF_ONE = 2**28
_DEEPEST = 8

Record = dict[str, str]


def tfrecord_tables(content: Content) -> Iterator[Found]:
    """The features of examples that are short: numbers, texts and lists of few.

    Raises:
        ValueError: it is damaged.
    """
    yield from _table(content, examples)


def bson_tables(content: Content) -> Iterator[Found]:
    """The non-binary fields of documents.

    Raises:
        ValueError: it is damaged.
    """
    yield from _table(content, _documents)


def _table(content: Content, records_of: Callable[[IO[bytes]], Iterator[Record]]) -> Iterator[Found]:
    with content.stream() as stream:
        columns = columns_of(islice(records_of(stream), _SAMPLE))

    def frames(rows: int) -> Iterator[pd.DataFrame]:
        with content.stream() as stream:
            yield from frames_of_records(records_of(stream), columns, rows)

    if columns:
        yield Found("", columns, frames)


def is_tfrecord(head: bytes) -> bool:
    """Whether first bytes are the frame of a record."""
    return len(head) >= 12 and masked_crc32c(head[:8]) == int.from_bytes(head[8:12], "little")


def examples(stream: IO[bytes]) -> Iterator[Record]:
    """Short features of each example of a TFRecord file.

    Raises:
        ValueError: it is damaged.
    """
    while head := stream.read(12):
        if not is_tfrecord(head):
            raise ValueError("no record begins where one should")
        length = int.from_bytes(head[:8], "little")
        if length > _MOST_OF_ONE:
            raise ValueError("it contains a record of absurd size")
        body = stream.read(length + 4)
        if len(body) < length + 4:
            raise ValueError("its last record is cut off")
        try:
            features = decode_example(body[:-4])
        except (LookupError, ValueError, struct.error, StopIteration, RuntimeError) as error:
            raise ValueError(f"it contains no examples ({type(error).__name__})") from None
        yield {name: text for name, values in features.items() if (text := _feature(values)) is not None}


def _feature(values: Any) -> str | None:
    if len(values) > _LONGEST or any(isinstance(value, bytes) and len(value) > _LONGEST for value in values):
        return None
    texts = [_single(value) for value in values]
    return texts[0] if len(texts) == 1 else " ".join(texts)


def _single(value: Any) -> str:
    if isinstance(value, float):
        import numpy as np

        # features have single precision
        return str(np.float32(value))
    return cell(value)


def _documents(stream: IO[bytes]) -> Iterator[Record]:
    while head := stream.read(4):
        length = int.from_bytes(head, "little", signed=True)
        if len(head) < 4 or not 5 <= length <= _MOST_OF_ONE:
            raise ValueError("no document begins where one should")
        body = stream.read(length - 4)
        if len(body) < length - 4:
            raise ValueError("its last document is cut off")
        record: Record = {}
        try:
            _fields(body[:-1], "", record, 0)
        except (LookupError, struct.error, ValueError):
            raise ValueError("it holds a damaged document") from None
        yield record


_FIXED = {0x01: "<d", 0x09: "<q", 0x10: "<i", 0x11: "<Q", 0x12: "<q"}
_TEXTS = (0x02, 0x0D, 0x0E)


def _fields(body: bytes, name: str, record: Record, depth: int) -> None:
    place = 0
    while place < len(body):
        kind = body[place]
        end = body.index(0, place)
        key = body[place + 1 : end].decode("utf-8", "replace")
        key = f"{name}.{key}" if name else key
        place = end + 1
        if kind in _FIXED:
            (value,) = struct.unpack_from(_FIXED[kind], body, place)
            record[key] = cell(value)
            place += struct.calcsize(_FIXED[kind])
        elif kind in (0x03, 0x04):
            size = int.from_bytes(body[place : place + 4], "little")
            if size < 5:
                raise ValueError
            if depth < _DEEPEST:
                _fields(body[place + 4 : place + size - 1], key, record, depth + 1)
            place += size
        elif kind in _TEXTS:
            size = int.from_bytes(body[place : place + 4], "little")
            record[key] = cell(body[place + 4 : place + 4 + size - 1])
            place += 4 + size
        elif kind == 0x05:
            place += 5 + int.from_bytes(body[place : place + 4], "little")
        elif kind == 0x07:
            record[key] = body[place : place + 12].hex()
            place += 12
        elif kind == 0x08:
            record[key] = "true" if body[place] else "false"
            place += 1
        elif kind == 0x0A:
            record[key] = ""
        else:
            raise ValueError
