"""BSON documents split and changed as bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlebench.errors import RawDataFault

from .folders import module

bson_files = module("cdiscount-image-classification-challenge", "bson_files")
encode_bson, integers, read_bson, without = (
    bson_files.encode_bson, bson_files.integers, bson_files.read_bson, bson_files.without,
)  # fmt: skip

PRODUCT: dict[str, Any] = {
    "_id": 5, "imgs": [{"picture": b"\xff\xd8\0jpeg"}, {"picture": b""}], "category_id": 1000010653, "big": 2**40, "price": 1.5,
    "name": "née\0",
}  # fmt: skip


def test_bytes_are_those_of_the_specification() -> None:
    """The two examples of https://bsonspec.org/faq.html."""
    assert encode_bson({"hello": "world"}) == b"\x16\0\0\0\x02hello\0\x06\0\0\0world\0\0"
    expected = b"1\0\0\0\x04BSON\0&\0\0\0\x020\0\x08\0\0\0awesome\0\x011\x00333333\x14@\x102\0\xc2\x07\0\0\0\0"
    assert encode_bson({"BSON": ["awesome", 5.05, 1986]}) == expected


def test_documents_and_integers_come_back(tmp_path: Path) -> None:
    path = tmp_path / "products.bson"
    path.write_bytes(encode_bson(PRODUCT) + encode_bson({"_id": -7}))
    first, second = read_bson(path)
    assert integers(first, b"category_id", b"_id", b"big") == (1000010653, 5, 2**40)
    assert integers(second, b"_id") == (-7,)
    with pytest.raises(RawDataFault, match="no integer category_id"):
        integers(second, b"category_id")


def test_removing_an_element_leaves_the_rest() -> None:
    rest = {name: value for name, value in PRODUCT.items() if name != "category_id"}
    assert without(encode_bson(PRODUCT), b"category_id") == encode_bson(rest)
    assert without(encode_bson(rest), b"category_id") == encode_bson(rest)


@pytest.mark.parametrize("cut", [2, 30, -1])
def test_a_cut_file_is_named(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "cut.bson"
    path.write_bytes(encode_bson(PRODUCT)[:cut])
    with pytest.raises(RawDataFault, match=r"cut\.bson is damaged"):
        list(read_bson(path))
