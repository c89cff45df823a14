"""The split of the examples, line by line in one process: the specification, and what says which line is damaged."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mlebench.data import Edition, read_json_lines

from .examples import Sides, json_line, tested

CHUNK_LINES = 1_000


def split_plainly(path: Path, edition: Edition) -> Iterator[Sides]:
    """Train and test examples, a thousand lines at a time: v1 splits each thousand, v2 all lines by document."""
    in_test = None if edition.is_v1 else documents_in_test(path, edition)
    lines = enumerate(read_json_lines(path))
    while chunk := list(itertools.islice(lines, CHUNK_LINES)):
        # v1 made a table of each thousand, so that all lines of it have the same fields in one order
        fields = list(dict.fromkeys(field for _, example in chunk for field in example))
        examples = [{field: example.get(field) for field in fields} for _, example in chunk]
        for example in examples:
            example["example_id"] = str(example["example_id"])
        train, test = sides_of([line for line, _ in chunk], edition, in_test)
        yield Sides([json_line(examples[place]) for place in train], [tested(examples[place]) for place in test])


def sides_of(lines: list[int], edition: Edition, in_test: np.ndarray | None) -> tuple[list[int], list[int]]:
    """Places of the train and test examples among the lines with these numbers, in the order in which they are written."""
    places = np.arange(len(lines))
    if in_test is not None:
        return places[~in_test[lines]].tolist(), places[in_test[lines]].tolist()
    if len(lines) == 1:
        return [0], []
    train, test = edition.split(places, test_size=0.1)
    return train.tolist(), test.tolist()


def documents_in_test(path: Path, edition: Edition) -> np.ndarray:
    """Whether each line is a test line, all versions of an article being on one side."""
    return articles_in_test([example["document_url"] for example in read_json_lines(path)], edition)


def articles_in_test(urls: list[str], edition: Edition) -> np.ndarray:
    """The same, where the addresses of the documents are known."""
    articles = [url.split("oldid=")[0] for url in urls]
    _, test = edition.split(np.arange(len(articles)), test_size=0.1, groups=articles)
    return np.isin(np.arange(len(articles)), test)
