"""BSON documents split and changed as bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
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


prepare_code = module("cdiscount-image-classification-challenge", "prepare")


def usual(number: int, category: int, photos: int = 1) -> dict[str, Any]:
    return {"_id": number, "imgs": [{"picture": bytes([number % 251]) * 50} for _ in range(photos)], "category_id": category}


def test_labels_are_found_in_usual_products_and_in_all_others() -> None:
    products = [
        usual(1, 2), usual(-1, -(2**31), 4), usual(7, 8, 0), usual(2**40, 5), usual(5, 2**40), {**usual(1, 2), "more": 3},
        {"more": 3, **usual(1, 2)}, {"category_id": 4, "_id": 3, "imgs": []}, {"_id": 1, "category_id": 2},
        {"_id": 1, "imgs": [{"category_id": 9}], "category_id": 2}, PRODUCT,
    ]  # fmt: skip
    for product in products:
        document = encode_bson(product)
        assert prepare_code.labels(document) == integers(document, b"_id", b"category_id")
    for product in ({"_id": 1, "imgs": []}, {"_id": 1.5, "imgs": [], "category_id": 3}, {}):
        with pytest.raises(RawDataFault, match="it has no integer"):
            prepare_code.labels(encode_bson(product))


@pytest.mark.parametrize("pattern", ["", "0", "1", "01", "10", "0110001", "1111", "0000", "1" + "0" * 150 + "11"])
def test_products_are_copied_in_runs_as_one_by_one(tmp_path: Path, pattern: str) -> None:
    in_test = np.array([digit == "1" for digit in pattern], dtype=bool)
    documents = [encode_bson(usual(number, 5 * number, number % 4)) for number in range(len(pattern))]
    (tmp_path / "train.raw").write_bytes(b"".join(documents))
    products, ends = prepare_code.read_products(tmp_path / "train.raw")
    assert products["_id"].tolist() == [*range(len(pattern))]
    prepare_code.write_products(tmp_path / "train.raw", tmp_path, ends, in_test)
    train = [document for document, test in zip(documents, in_test, strict=True) if not test]
    assert (tmp_path / "train.bson").read_bytes() == b"".join(train)
    assert (tmp_path / "train_example.bson").read_bytes() == b"".join(train[:100])
    tests = [without(document, b"category_id") for document, test in zip(documents, in_test, strict=True) if test]
    assert (tmp_path / "test.bson").read_bytes() == b"".join(tests)
