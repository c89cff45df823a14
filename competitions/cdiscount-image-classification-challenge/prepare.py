from array import array
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, link, write_csv
from mlebench.data.raw_faults import damaged

from .bson_files import integers, read_bson, without
from .categories import MOST_COMMON

EXAMPLES = 100


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    products = read_labels(raw / "train.bson")
    _, test = edition.split(products, test_size=0.1)

    answers = test.sort_values("_id")
    write_csv(answers, private / "answers.csv")
    write_csv(answers.assign(category_id=MOST_COMMON), public / "sample_submission.csv")
    link(raw / "category_names.csv", public / "category_names.csv")
    write_products(raw / "train.bson", public, products.index.isin(test.index))


def read_labels(source: Path) -> pd.DataFrame:
    ids, categories = array("q"), array("q")
    for product in read_bson(source):
        product_id, category = integers(product, b"_id", b"category_id")
        ids.append(product_id)
        categories.append(category)
    products = pd.DataFrame({"_id": np.asarray(ids), "category_id": np.asarray(categories)})
    if products["_id"].duplicated().any():
        raise damaged(source, "it holds a product twice")
    return products


def write_products(source: Path, public: Path, in_test: np.ndarray) -> None:
    """Copy each document to its side, in the order of the raw file; only the label of test products is cut out."""
    with ExitStack() as stack:
        train, test, example = (
            stack.enter_context((public / f"{name}.bson").open("wb", buffering=1 << 20))
            for name in ("train", "test", "train_example")
        )
        examples = 0
        for product, is_test in zip(read_bson(source), in_test, strict=True):
            if is_test:
                test.write(without(product, b"category_id"))
                continue
            train.write(product)
            if examples < EXAMPLES:
                example.write(product)
                examples += 1
