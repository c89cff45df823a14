"""Files of ours are read with the types that pandas infers, whether pandas has to be asked or not."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.inferred import read_inferred
from grading.submission import MISSING_WORDS
from grading.table import read_answers

WHOLE = st.one_of(st.integers(-(10**4), 10**4), st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**70)).map(str)
FLOATS = st.floats(allow_nan=False, allow_infinity=False).map(repr)
KINDS = [
    WHOLE,
    FLOATS,
    st.one_of(WHOLE, FLOATS),
    st.one_of(WHOLE, st.sampled_from(["", "NA", "-0", "+5", "007", "1.0", "1e5", "1_0", " 1", "inf"])),
    st.one_of(FLOATS, st.sampled_from(["", "-0.0"])),
    st.sampled_from(["1.0", "0.0", ""]),
    st.sampled_from(["True", "False", "true", ""]),
    st.sampled_from(["cat", "dog", "é", "", "NA", "a,b", 'say "a"', "line\nend", "True", "1"]),
    st.sampled_from(MISSING_WORDS),
    st.sampled_from(["inf", "-inf", "Infinity", "infinity", "nan", "yes", "1e400", "٣", "1", "0x1", "fin"]),
]


def by_pandas(path: Path, text: list[str]) -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grading.table.read_inferred", lambda path, text_columns: None)
        return read_answers(path, text)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_columns_are_those_that_pandas_infers(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    kinds = data.draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4))
    rows = data.draw(st.lists(st.tuples(*kinds), max_size=8))
    names = data.draw(st.sampled_from([["a", "b", "c", "d"], ["a", "a", "b", ""], ["é", "x y", "1", 'n"n']]))[: len(kinds)]
    file = io.StringIO()
    csv.writer(file, lineterminator=data.draw(st.sampled_from(["\n", "\r\n"]))).writerows([names, *rows])
    path = tmp_path_factory.getbasetemp() / "inferred.csv"
    path.write_bytes((data.draw(st.sampled_from(["", "\ufeff"])) + file.getvalue()).encode())
    text = data.draw(st.sampled_from([[], ["a"], ["b", "zz"]]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grading.layout._BLOCK", data.draw(st.sampled_from([5, 32, 10_000])))
        ours = read_answers(path, text)
    theirs = by_pandas(path, text)
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    numbers = theirs.select_dtypes("number")
    assert np.array_equal(np.signbit(ours[numbers.columns]), np.signbit(numbers))


@pytest.mark.parametrize(
    "cells", [["0", str(-(2**63)), ""], ["-100", "", "-0"], ["0", "", "-0", "-0.0"], ["-0", "", "1.5"]], ids=str
)
def test_a_whole_number_beside_a_missing_one_is_what_pandas_makes_of_it(cells: list[str], tmp_path: Path) -> None:
    path = tmp_path / "whole.csv"
    path.write_text("a,b\n" + "".join(f"0,{cell}\n" for cell in cells))
    ours, theirs = read_answers(path, []), by_pandas(path, [])
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    assert np.array_equal(np.signbit(ours), np.signbit(theirs))


def test_ordinary_answers_need_no_pandas_parser(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    generator = np.random.default_rng(0)
    answers = pd.DataFrame(
        {"id": [f"{k:05}" for k in range(999)], "p": generator.random(999), "n": range(999), "label": ["cat", "dog", None] * 333}
    )
    answers.to_csv(path, index=False)
    table = read_inferred(path, ["id"])
    assert table is not None
    pd.testing.assert_frame_equal(table, by_pandas(path, ["id"]), check_exact=True)


@pytest.mark.parametrize(
    "content", ["", "a,b\n", "a,b\n1\n", "a,b\n1,2,3\n", "a,b\n1,\xff\n", "a\n1\n", 'a,b\n1,"x\n', "a,b\n1,2\n\n3,4\n"]
)
def test_files_that_are_odd_are_left_to_pandas(content: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(content.encode("latin-1"))
    assert read_inferred(path, []) is None
