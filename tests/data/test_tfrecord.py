"""TFRecord frames and Example messages against known values."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.data.tfrecord import (
    _crc32c,
    decode_example,
    encode_example,
    frame,
    keep_features,
    read_tfrecord,
    write_tfrecord,
)
from mlebench.errors import WorkFailed


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0x00000000),
        (b"a", 0xC1D04330),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_crc32c_has_the_published_values(data: bytes, expected: int) -> None:
    """Check values of RFC 3720, appendix B.4, and of the CRC catalogue."""
    assert _crc32c(data) == expected


@pytest.mark.parametrize("length", [3, 4, 5, 7, 8, 100, 1023, 4097])
def test_crc32c_agrees_with_the_bitwise_definition(length: int) -> None:
    data = bytes((31 * i + length) % 256 for i in range(length))
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    assert _crc32c(data) == crc ^ 0xFFFFFFFF


FEATURES = {"image": [b"\xff\xd8jpeg"], "image_name": [b"ISIC_1"], "target": [1], "sex": [-1, 300], "age": [4.5, -0.25]}


def test_example_comes_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "a.tfrec"
    assert write_tfrecord(path, [frame(encode_example(FEATURES)), frame(encode_example({"empty": []}))]) == 2
    first, second = read_tfrecord(path)
    assert decode_example(first.payload) == FEATURES
    assert decode_example(second.payload) == {"empty": []}
    assert first.raw + second.raw == path.read_bytes()


def test_example_has_the_bytes_of_the_protocol() -> None:
    """Features{feature{key: "a", value{int64_list{value: 1}}}}, written out by hand."""
    assert encode_example({"a": [1]}) == bytes.fromhex("0a0c 0a0a 0a0161 1205 1a03 0a0101".replace(" ", ""))
    unpacked = bytes.fromhex("0a0b 0a09 0a0161 1204 1a02 0801".replace(" ", ""))
    assert decode_example(unpacked) == {"a": [1]}


def test_keep_features_drops_the_rest() -> None:
    kept = keep_features(encode_example(FEATURES), ["image", "image_name"])
    assert decode_example(kept) == {"image": [b"\xff\xd8jpeg"], "image_name": [b"ISIC_1"]}
    assert b"target" not in kept


@pytest.mark.parametrize("cut", [5, 20, -1])
def test_a_damaged_file_is_named(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "broken.tfrec"
    path.write_bytes(frame(encode_example(FEATURES)).raw[:cut])
    with pytest.raises(WorkFailed, match=r"broken\.tfrec is damaged"):
        list(read_tfrecord(path))
