"""Files of concatenated BSON documents, read and edited without decoding their values.

A document is its length in bytes (int32, little-endian), its elements and a zero byte; an element is a type byte, its name with
a zero byte, and its value (https://bsonspec.org/spec.html).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mlebench.data.raw_faults import damaged, missing

_DOUBLE, _STRING, _DOCUMENT, _ARRAY, _BINARY, _INT32, _INT64 = 0x01, 0x02, 0x03, 0x04, 0x05, 0x10, 0x12
_FIXED_SIZES = {
    _DOUBLE: 8,
    0x06: 0,
    0x07: 12,
    0x08: 1,
    0x09: 8,
    0x0A: 0,
    _INT32: 4,
    0x11: 8,
    _INT64: 8,
    0x13: 16,
    0x7F: 0,
    0xFF: 0,
}
_SIZES_BEYOND_LENGTH = {_STRING: 4, 0x0D: 4, 0x0E: 4, _BINARY: 5, _DOCUMENT: 0, _ARRAY: 0}
"""Bytes of a length-prefixed value that the length does not count."""


class Element(NamedTuple):
    """One element of a document: its position and where its value begins."""

    name: bytes
    kind: int
    start: int
    value: int
    end: int


def read_bson(path: Path) -> Iterator[bytes]:
    """Yield the documents of a file.

    Raises:
        RawDataFault: if the file is missing or truncated.
    """
    try:
        file = path.open("rb", buffering=1 << 20)
    except FileNotFoundError:
        raise missing(path) from None
    with file:
        while head := file.read(4):
            length = int.from_bytes(head, "little")
            document = head + file.read(max(length - 4, 0))
            if length < 5 or len(document) < length or document[-1]:
                raise damaged(path, "a document is truncated")
            yield document


def elements(document: bytes) -> Iterator[Element]:
    """The elements of a document at its top level.

    Raises:
        RawDataFault: if it holds a type that no data format uses (code, for example).
    """
    position = 4
    while document[position]:
        kind = document[position]
        value = document.index(0, position + 1) + 1
        if (size := _FIXED_SIZES.get(kind)) is None:
            if (beyond := _SIZES_BEYOND_LENGTH.get(kind)) is None:
                raise damaged("a BSON document", f"an element has the unknown type {kind:#04x}")
            size = int.from_bytes(document[value : value + 4], "little") + beyond
        yield Element(document[position + 1 : value - 1], kind, position, value, value + size)
        position = value + size


def integers(document: bytes, *names: bytes) -> tuple[int, ...]:
    """The values of some integer elements.

    Raises:
        RawDataFault: if one is missing or not an integer.
    """
    found = {
        element.name: int.from_bytes(document[element.value : element.end], "little", signed=True)
        for element in elements(document)
        if element.kind in (_INT32, _INT64)
    }
    try:
        return tuple(found[name] for name in names)
    except KeyError as error:
        raise damaged("a BSON document", f"it has no integer {error.args[0].decode()}") from None


def without(document: bytes, name: bytes) -> bytes:
    """The same document without one element; only the length changes otherwise."""
    for element in elements(document):
        if element.name == name:
            body = document[4 : element.start] + document[element.end :]
            return struct.pack("<i", len(body) + 4) + body
    return document


def encode_bson(document: Mapping[str, Any]) -> bytes:
    """A document of integers, floats, text, bytes, mappings and lists."""
    body = b"".join(_encoded(name.encode(), value) for name, value in document.items())
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def _encoded(name: bytes, value: Any) -> bytes:
    match value:
        case int():
            kind, content = (
                (_INT32, struct.pack("<i", value)) if -(2**31) <= value < 2**31 else (_INT64, struct.pack("<q", value))
            )
        case float():
            kind, content = _DOUBLE, struct.pack("<d", value)
        case str():
            text = value.encode() + b"\0"
            kind, content = _STRING, struct.pack("<i", len(text)) + text
        case bytes():
            kind, content = _BINARY, struct.pack("<iB", len(value), 0) + value
        case list():
            kind, content = _ARRAY, encode_bson({str(place): item for place, item in enumerate(value)})
        case _:
            kind, content = _DOCUMENT, encode_bson(value)
    return bytes([kind]) + name + b"\0" + content
