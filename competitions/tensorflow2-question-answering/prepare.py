from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from mlebench.data import Edition, write_csv
from mlebench.errors import RawDataFault

from .examples import Sides
from .plain_lines import split_plainly
from .shared_lines import split_by_workers

Split = Callable[[Path, Edition], Iterator[Sides]]


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    source = raw / "simplified-nq-train.jsonl"
    try:
        answers = write_sides(split_by_workers(source, edition), public, private)
    except (ValueError, LookupError, TypeError, AttributeError, FileNotFoundError, RawDataFault):
        # says what is wrong with a line, or copes with it
        answers = write_sides(split_plainly(source, edition), public, private)

    gold = pd.DataFrame(answers, columns=["example_id", "PredictionString"])
    write_csv(gold, private / "gold_submission.csv")
    write_csv(gold.assign(PredictionString=""), public / "sample_submission.csv")


def write_sides(parts: Iterator[Sides], public: Path, private: Path) -> list[tuple[str, str]]:
    """Write the examples of both sides; returns the right prediction of each row."""
    answers = []
    with (
        (public / "simplified-nq-train.jsonl").open("wb") as train_file,
        (public / "simplified-nq-test.jsonl").open("wb") as test_file,
        (private / "test.jsonl").open("wb") as answer_file,
    ):
        for part in parts:
            train_file.writelines(part.train)
            for example in part.test:
                answer_file.write(example.whole)
                test_file.write(example.shown)
                answers += example.answers
    return answers
