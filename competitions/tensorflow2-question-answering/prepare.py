import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlebench.data import Edition, read_json_lines, write_csv

from .answer_spans import right_predictions
from .fields import TEST_FIELDS

CHUNK_LINES = 1_000

Examples = list[dict[str, Any]]


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    answers = []
    with (
        (public / "simplified-nq-train.jsonl").open("w", encoding="utf-8") as train_file,
        (public / "simplified-nq-test.jsonl").open("w", encoding="utf-8") as test_file,
        (private / "test.jsonl").open("w", encoding="utf-8") as answer_file,
    ):
        for train, test in split_parts(raw / "simplified-nq-train.jsonl", edition):
            train_file.writelines(map(json_line, train))
            answer_file.writelines(map(json_line, test))
            test_file.writelines(json_line({field: example[field] for field in TEST_FIELDS}) for example in test)
            answers += [(row, (right or [""])[0]) for example in test for row, right in right_predictions(example).items()]

    gold = pd.DataFrame(answers, columns=["example_id", "PredictionString"])
    write_csv(gold, private / "gold_submission.csv")
    write_csv(gold.assign(PredictionString=""), public / "sample_submission.csv")


def split_parts(path: Path, edition: Edition) -> Iterator[tuple[Examples, Examples]]:
    """Train and test examples, a thousand lines at a time: v1 splits each thousand, v2 all lines by document."""
    in_test = None if edition.is_v1 else documents_in_test(path, edition)
    lines = enumerate(read_json_lines(path))
    while chunk := list(itertools.islice(lines, CHUNK_LINES)):
        # v1 made one table per thousand lines, so that all its lines have the same fields in the same order
        fields = list(dict.fromkeys(field for _, example in chunk for field in example))
        examples = [{field: example.get(field) for field in fields} for _, example in chunk]
        for example in examples:
            example["example_id"] = str(example["example_id"])
        if in_test is not None:
            tested = [in_test[line] for line, _ in chunk]
            yield list(itertools.compress(examples, np.logical_not(tested))), list(itertools.compress(examples, tested))
        elif len(examples) > 1:
            yield edition.split(examples, test_size=0.1)
        else:
            yield examples, []


def documents_in_test(path: Path, edition: Edition) -> np.ndarray:
    """Whether each line is a test line, with all versions of an article on one side."""
    articles = [example["document_url"].split("oldid=")[0] for example in read_json_lines(path)]
    _, test = edition.split(np.arange(len(articles)), test_size=0.1, groups=articles)
    return np.isin(np.arange(len(articles)), test)


def json_line(example: dict[str, Any]) -> str:
    """One line of JSON as pandas writes it: slashes escaped, U+007F not."""
    text = json.dumps(example, separators=(",", ":")).replace("/", "\\/")
    if "\\u007f" in text:
        text = re.sub(r"(?<!\\)((?:\\\\)*)\\u007f", "\\1\x7f", text)
    return text + "\n"
