"""TFRecord files of `tf.train.Example` messages, without TensorFlow.

A file is a row of frames: length (uint64), masked CRC-32C of the length, payload, masked CRC-32C of the payload; all
little-endian (https://www.tensorflow.org/tutorials/load_data/tfrecord). A payload is a protocol buffer that maps
feature names to lists of bytes, floats or integers. `Frame` keeps a record's own bytes, so that a record that does not
change is written as it was.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mlebench.errors import RawDataFault

Values = Sequence[bytes] | Sequence[int] | Sequence[float]

_POLYNOMIAL = 0x82F63B78
_BYTES, _FLOATS, _INTEGERS = 1, 2, 3


class Frame(NamedTuple):
    """One record: its payload and the bytes that hold it in the file."""

    payload: bytes
    raw: bytes


def read_tfrecord(path: Path) -> Iterator[Frame]:
    """Yield the records of a file in order.

    Raises:
        RawDataFault: the file is truncated or is not a TFRecord file.
    """
    with path.open("rb") as file:
        while head := file.read(12):
            if len(head) < 12 or masked_crc32c(head[:8]) != int.from_bytes(head[8:], "little"):
                raise RawDataFault(f"{path} is damaged: a TFRecord frame is missing where one should begin; download it again")
            (length,) = struct.unpack("<Q", head[:8])
            body = file.read(length + 4)
            if len(body) < length + 4:
                raise RawDataFault(f"{path} is damaged: its last record is truncated; download it again")
            yield Frame(body[:-4], head + body)


def frame(payload: bytes) -> Frame:
    """The record that holds `payload`."""
    length = struct.pack("<Q", len(payload))
    sums = [struct.pack("<I", masked_crc32c(part)) for part in (length, payload)]
    return Frame(payload, length + sums[0] + payload + sums[1])


def write_tfrecord(path: Path, frames: Iterable[Frame]) -> int:
    """Write records to a new file and return how many there were."""
    count = 0
    with path.open("wb") as file:
        for record in frames:
            file.write(record.raw)
            count += 1
    return count


def decode_example(payload: bytes) -> dict[str, Values]:
    """Features of an Example by name; bytes stay bytes, floats and integers become Python's."""
    return dict(_feature(entry) for _, entry in _entries(payload))


def encode_example(features: Mapping[str, Values]) -> bytes:
    """The Example with these features; the kind of a list follows its first item, an empty one is bytes."""
    entries = (_field(1, _entry(name, values)) for name, values in features.items())
    return _field(1, b"".join(entries))


def keep_features(payload: bytes, names: Iterable[str]) -> bytes:
    """The same Example with the named features alone, each byte for byte as it was."""
    kept = set(names)
    return _field(1, b"".join(_field(1, entry) for name, entry in _entries(payload) if name in kept))


def masked_crc32c(data: bytes) -> int:
    """The checksum of a frame: CRC-32C (Castagnoli), rotated right by 15 bits plus a constant."""
    crc = _crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _crc32c(data: bytes) -> int:
    """CRC-32C by halving: the sums of neighbouring blocks of 1, 2, 4, … bytes are joined until one is left.

    A sum that starts from zero is linear in the bits and blind to leading zero bytes, so blocks can be joined by
    table look-ups over whole arrays. The standard start value (all ones) is put into the first four bytes.
    """
    if len(data) < 4:
        crc = 0xFFFFFFFF
        for byte in data:
            crc = int(_byte_table()[(crc ^ byte) & 0xFF]) ^ (crc >> 8)
        return crc ^ 0xFFFFFFFF
    array = np.frombuffer(data, dtype=np.uint8).copy()
    array[:4] ^= 0xFF
    sums = _byte_table()[array]
    level = 0
    while len(sums) > 1:
        if len(sums) % 2:
            sums = np.concatenate([np.zeros(1, dtype=np.uint32), sums])
        sums = _shift(sums[::2], level) ^ sums[1::2]
        level += 1
    return int(sums[0]) ^ 0xFFFFFFFF


def _shift(sums: npt.NDArray[np.uint32], level: int) -> npt.NDArray[np.uint32]:
    """Sums after 2**level more zero bytes."""
    tables = _shift_tables(level)
    octets = np.ascontiguousarray(sums).view(np.uint8).reshape(-1, 4)
    shifted: npt.NDArray[np.uint32] = np.bitwise_xor.reduce([tables[i][octets[:, i]] for i in range(4)])
    return shifted


@cache
def _shift_tables(level: int) -> npt.NDArray[np.uint32]:
    """Shape (4, 256): what each byte of a little-endian sum becomes after 2**level zero bytes."""
    starts = np.arange(256, dtype=np.uint32)[None, :] << (8 * np.arange(4, dtype=np.uint32)[:, None])
    if level == 0:
        first: npt.NDArray[np.uint32] = _byte_table()[starts & 0xFF] ^ (starts >> 8)
        return first
    return _shift(_shift(starts.ravel(), level - 1), level - 1).reshape(4, 256)


@cache
def _byte_table() -> npt.NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1).astype(np.uint32)
    return table


def _entries(payload: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each entry of the feature map."""
    for _, features in _fields(payload):
        for _, entry in _fields(features):
            name = next(value for number, value in _fields(entry) if number == 1)
            yield name.decode(), entry


def _feature(entry: bytes) -> tuple[str, Values]:
    parts = dict(_fields(entry))
    name = parts[1].decode()
    for kind, content in _fields(parts.get(2, b"")):
        return name, _decode_list(kind, content)
    return name, []


def _decode_list(kind: int, content: bytes) -> Values:
    if kind == _BYTES:
        return [value for _, value in _fields(content)]
    if kind == _FLOATS:
        return [value for _, packed in _fields(content) for (value,) in struct.iter_unpack("<f", packed)]
    return [value for _, packed in _fields(content) for value in _varints(packed)]


def _entry(name: str, values: Values) -> bytes:
    first = values[0] if values else b""
    if isinstance(first, bytes):
        content = _field(_BYTES, b"".join(_field(1, value) for value in values if isinstance(value, bytes)))
    elif isinstance(first, float):
        content = _field(_FLOATS, _field(1, struct.pack(f"<{len(values)}f", *values)))
    else:
        content = _field(_INTEGERS, _field(1, b"".join(_varint(int(value) & (2**64 - 1)) for value in values)))
    return _field(1, name.encode()) + _field(2, content)


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each field; an unpacked number is given in its packed form."""
    position = 0
    while position < len(message):
        key, position = _read_varint(message, position)
        start = position
        if key & 7 == 2:
            length, start = _read_varint(message, position)
            position = start + length
        elif key & 7 == 0:
            _, position = _read_varint(message, position)
        else:
            position += {1: 8, 5: 4}[key & 7]
        yield key >> 3, message[start:position]


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varints(packed: bytes) -> Iterator[int]:
    position = 0
    while position < len(packed):
        value, position = _read_varint(packed, position)
        yield value - 2**64 if value >= 2**63 else value


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
