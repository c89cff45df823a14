import hashlib
import os
import struct
from array import array
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, link, write_csv
from mlebench.data.links import copy_range
from mlebench.data.raw_faults import damaged

from .bson_files import elements, integers, read_bson, without
from .categories import MOST_COMMON

EXAMPLES = 100
EMPTY_LIST = 5
"""Bytes of an empty list."""
HEAD = struct.Struct("<i5si6si")
"""The length of a product; type and name, and value, of `_id`; type, name and length of `imgs`."""
TAIL = struct.Struct("<13siB")
"""Type and name, and value, of `category_id`, and the end of the product."""


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    source = raw / "train.bson"
    products, ends = read_products(source)
    photos = None if edition.is_v1 else digests_of_photos(source)
    if products["_id"].duplicated().any():
        raise damaged(source, "it contains a product twice")
    _, test = edition.split(products, test_size=0.1, v2_groups=photos)

    answers = test.sort_values("_id")
    write_csv(answers, private / "answers.csv")
    write_csv(answers.assign(category_id=MOST_COMMON), public / "sample_submission.csv")
    link(raw / "category_names.csv", public / "category_names.csv")
    write_products(source, public, ends, products.index.isin(test.index))


def read_products(source: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """The numbers of each product in the order of the file, and the file offset after its last one."""
    ids, categories, lengths = array("q"), array("q"), array("q")
    for product in read_bson(source):
        product_id, category = labels(product)
        ids.append(product_id)
        categories.append(category)
        lengths.append(len(product))
    products = pd.DataFrame({"_id": np.asarray(ids), "category_id": np.asarray(categories)})
    return products, np.cumsum(np.asarray(lengths))


def labels(product: bytes) -> tuple[int, ...]:
    """The `_id` and `category_id` of a product; documents of the usual form are read at fixed offsets."""
    if len(product) >= HEAD.size + TAIL.size:
        _, first, product_id, photos, length = HEAD.unpack_from(product)
        place = HEAD.size - 4 + length
        if first == b"\x10_id\0" and photos == b"\x04imgs\0" and place + TAIL.size == len(product):
            last, category, _ = TAIL.unpack_from(product, place)
            if last == b"\x10category_id\0":
                return product_id, category
    return integers(product, b"_id", b"category_id")


def digests_of_photos(source: Path) -> np.ndarray:
    """A number for each product in the order of the file, equal for products with equal photos."""
    found = array("Q")
    for product in read_bson(source):
        photos = [product[element.value : element.end] for element in elements(product) if element.name == b"imgs"]
        # products without photos are never equal
        shown = photos[0] if photos and len(photos[0]) > EMPTY_LIST else product
        found.append(int.from_bytes(hashlib.blake2b(shown, digest_size=8).digest()))
    return np.asarray(found)


def write_products(source: Path, public: Path, ends: np.ndarray, in_test: np.ndarray) -> None:
    """Copy each document to its side in raw file order, removing only the label of test products."""
    starts = np.append(0, ends)[: len(ends)]
    # a run holds only train products or one test product
    first = np.flatnonzero(in_test | np.append(True, in_test)[: len(in_test)])
    bounds = np.append(starts[first], ends[-1:]).tolist()
    runs = zip(in_test[first].tolist(), bounds, bounds[1:], strict=False)
    with ExitStack() as stack:
        original = stack.enter_context(source.open("rb"))
        train = stack.enter_context((public / "train.bson").open("wb", buffering=0))
        example = stack.enter_context((public / "train_example.bson").open("wb", buffering=0))
        test = stack.enter_context((public / "test.bson").open("wb", buffering=1 << 20))
        for is_test, start, end in runs:
            if is_test:
                test.write(without(os.pread(original.fileno(), end - start, start), b"category_id"))
            else:
                copy_range(original.fileno(), train.fileno(), start, end - start)
        for place in np.flatnonzero(~in_test)[:EXAMPLES]:
            copy_range(original.fileno(), example.fileno(), int(starts[place]), int(ends[place] - starts[place]))
