"""A written table is read back with each cell and its kind; any other file is rejected."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grading.table import read_answers
from grading.table_file import read_table, write_table

CSV = (
    'id,whole,real,text,some,yes,big,blank\n007,1,0.1,"a\nb",x,True,18446744073709551615,\n'
    '8,-2,1e-300,"ä, ""q""",,False,1,\n9,3,,NA,z\u2028,True,2,\n'
)


def written(table: pd.DataFrame, made_of: str = "this") -> bytes | None:
    file = io.BytesIO()
    return file.getvalue() if write_table(file, table, made_of) else None


def test_answers_come_back_as_they_were_read(tmp_path: Path) -> None:
    (tmp_path / "answers.csv").write_text(CSV, encoding="utf-8")
    table = read_answers(tmp_path / "answers.csv", ("id", "text"))
    (tmp_path / "file").write_bytes(written(table) or b"")
    read = read_table(tmp_path / "file", "this")
    assert read is not None
    pd.testing.assert_frame_equal(read, table, check_exact=True)
    assert [*map(type, read["some"])] == [*map(type, table["some"])]


def test_what_was_made_of_something_else_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(written(pd.DataFrame({"a": [1]})) or b"")
    assert read_table(tmp_path / "file", "that") is None
    assert read_table(tmp_path / "none", "this") is None


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([True, None, "x"]), pd.Series([1, "x", 2.0]), pd.Series(["a", None]), pd.Series(["a\0b"]),
        pd.Series(["\ud800"]),
        pd.Series(["a"], dtype="string"), pd.Series([b"a"]), pd.Series([pd.Timestamp(0)]), pd.Series(["a"], index=[3]),
        pd.Series([], dtype=object),
    ],
)  # fmt: skip
def test_other_tables_are_not_written(column: pd.Series) -> None:
    assert written(column.to_frame("a")) is None


def test_a_damaged_file_is_nothing_or_the_same(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["a", "b", "c"], "y": [1.5, 2.5, np.nan], "t": ["x", np.nan, ""]})
    whole = written(table)
    assert whole is not None
    path = tmp_path / "file"
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        assert read_table(path, "this") is None
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 400):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        read = read_table(path, "this")
        assert read is None or read.equals(table)


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    np.savez(tmp_path / "file.npz", about=np.array([{"made of": "this"}], dtype=object), allow_pickle=True)
    assert read_table(tmp_path / "file.npz", "this") is None
