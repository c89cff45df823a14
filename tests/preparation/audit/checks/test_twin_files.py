"""Files of other kinds with the same bytes on both sides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.twin_files import twin_files
from tests.preparation.audit.checks.planted import case_of, clues, told

TRAIN, TEST = 150, 40


def written(public: Path, train: list[bytes], test: list[bytes]) -> Case:
    for side, contents in (("train", train), ("test", test)):
        for row, content in enumerate(contents):
            folder = public / side / f"{side[:2]}{row:03}"
            folder.mkdir(parents=True)
            (folder / "geometry.xyz").write_bytes(content)
    ids = [f"tr{row:03}" for row in range(TRAIN)]
    pd.DataFrame({"id": ids, "label": [row % 4 for row in range(TRAIN)]}).to_csv(public / "train.csv", index=False)
    return case_of(
        public, pd.DataFrame({"id": [f"te{row:03}" for row in range(TEST)], "label": [row % 3 for row in range(TEST)]})
    )


def contents(count: int, size: int, rng: np.random.Generator) -> list[bytes]:
    return [rng.bytes(size) for _ in range(count)]


def test_equal_structures_tell_the_answers_of_train(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    train, test = contents(TRAIN, 600, rng), contents(TEST, 600, rng)
    test[:3] = train[70:73]
    case = written(tmp_path, train, test)
    (clue,) = clues(twin_files, case)
    assert told(clue, case) == {"te000": "2", "te001": "3", "te002": "0"}


def test_forms_that_many_have_are_no_twins(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    form = rng.bytes(600)
    train, test = contents(TRAIN, 600, rng), contents(TEST, 600, rng)
    train[:10] = [form] * 10
    test[:3] = [form] * 3
    assert clues(twin_files, written(tmp_path, train, test)) == []


def test_small_files_are_equal_by_chance(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    train, test = contents(TRAIN, 90, rng), contents(TEST, 90, rng)
    test[:3] = train[:3]
    assert clues(twin_files, written(tmp_path, train, test)) == []
