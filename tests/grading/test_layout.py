"""The layout of a file is found in linear time before it is parsed, as Python's own csv reader takes it, and held to bounds."""

from __future__ import annotations

import csv
import io
import resource
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading import Grader, InvalidSubmission, Real, RunLengths, Text
from grading.extent import Extent
from grading.metrics.classification import accuracy
from grading.metrics.regression import mae
from grading.table import Wanted, read_submission

ANSWERS = pd.DataFrame({"id": [str(k) for k in range(89)], "y": 1.0})
grader = Grader(id="id", columns={"y": Real()}, metric=mae)
EXTENT = Extent(columns=("id", "t"), most_rows=1_000, longest_cell=1_000, rows=lambda: 3)
M = 1_000_000

CELLS = st.sampled_from(
    ["a", '"a"', '"a,b"', '"a""b"', '"a\nb"', '"a\r\nb"', '"a\rb"', 'a"b', '5"', '""', " x", "x ", "é", '"', "#", "\\", ""]
)
ROWS = st.lists(CELLS, min_size=1, max_size=4).map(",".join)


@settings(max_examples=400, deadline=None)
@given(
    header=st.sampled_from(["id,t", '"id","t"', "t,id", "x,t,id,x"]),
    rows=st.lists(st.one_of(ROWS, st.text('a",\n\r 1', max_size=8)), max_size=6),
    end=st.sampled_from(["\n", "\r\n", "\r", "\r\r\n"]),
    block=st.sampled_from([3, 16, 10_000]),
)
def test_what_is_accepted_is_what_pythons_csv_reader_reads(
    header: str, rows: list[str], end: str, block: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = end.join([header, *rows])
    path = tmp_path_factory.getbasetemp() / "layout.csv"
    path.write_bytes(content.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grading.layout._BLOCK", block)
        patch.setattr("grading.table._BYTES_AT_ONCE", block)
        try:
            table = read_submission(path, Wanted(("id", "t")), EXTENT).table
        except InvalidSubmission:
            return
    names, *expected = [row for row in csv.reader(io.StringIO(content, newline="")) if row and (len(row) > 1 or row[0].strip())]
    places = [names.index(name) for name in ("id", "t")]
    assert table[["id", "t"]].to_numpy().tolist() == [[row[place] for place in places] for row in expected]


HEADER = b"id,y\n"
HOSTILE = {
    "30 KB of commas": (b"," * 30_000, "the first line has 30,001 columns, but 2 columns are expected (`id`, `y`)"),
    "a transposed table": (b"c," * 400_000 + b"\n" + b"1," * 400_000, "the first line has 400,001 columns"),
    "a million names": (b"".join(b"name%d," % k for k in range(M)), "columns or more, but 2 columns are expected"),
    "a row of commas": (HEADER + b"1" + b"," * 40 * M, "line 2 has more than 10,020 cells, but 2 are expected"),
    "a file of quotes": (b'"' * 40 * M, "the first line is longer than 1,048,588 bytes"),
    "a cell of quotes": (HEADER + b'1,"' + b'"' * 40 * M, "line 2 holds a cell of more than 1,048,576 bytes"),
    "an unclosed quote": (HEADER + b'1,"1\n' + b"2,1\n" * 10 * M, "line 2 holds a cell of more than 1,048,576 bytes"),
    "a long cell": (HEADER + b"0,1\n1," + b"1" * 40 * M, "line 3 holds a cell of more than 1,048,576 bytes"),
    "a first line of 3 MB": (b"x" * 3 * M + b"\n", "the first line is longer than 1,048,588 bytes"),
    "a million rows too many": (HEADER + b"1,1\n" * M, "more than 10,178 rows, but 89 rows are expected"),
    "lines of blanks": (HEADER + b" \n" * 20 * M, "more than 10,178 rows"),
    "lines of carriage returns": (HEADER + b"\r" * 20 * M, "89 of 89 test ids are missing"),
    "a long id again and again": (HEADER + (b"x" * M + b",1\n") * 30, "each id must appear once; repeated: 'xxx"),
    "long numbers": (HEADER + b"".join(b"%d,%s\n" % (k, b"9" * M) for k in range(30)), "59 of 89 test ids are missing"),
    "letters among quoted cells": (b"id,y" + b",x" * 9_000 + b"\n" + (b'5",1' + b',""' * 9_000 + b"\n") * 1_000, "repeated"),
    "blanks before quotes": (HEADER + b' "' * 20 * M, "a space precedes an opening quote"),
    "a torn file of NULs": (HEADER + b"\0" * 40 * M, "the file ends in 40,000,000 NUL bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_time_memory_and_words_are_bounded_by_what_is_expected(name: str, tmp_path: Path) -> None:
    content, cause = HOSTILE[name]
    path = tmp_path / "submission.csv"
    path.write_bytes(content)
    memory, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(InvalidSubmission) as caught:
        grader.score_file(path, ANSWERS)
    assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 500_000
    assert cause in str(caught.value)
    assert len(str(caught.value)) < 500


def test_time_is_linear_in_the_names_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    seconds = []
    for columns in (2_000, 8_000):
        path.write_text("id,y" + ",x" * columns + "".join(f"\n{k},1{',0' * columns}" for k in range(89)))
        start = time.process_time()
        assert grader.score_file(path, ANSWERS) == 0
        seconds.append(time.process_time() - start)
    assert seconds[1] < 12 * seconds[0] + 0.2


def test_a_file_far_larger_than_any_submission_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    with path.open("wb") as file:
        file.truncate(100 * 2**30)
    with pytest.raises(InvalidSubmission, match=r"the file has 107,374,182,400 bytes, far more than a submission needs"):
        grader.score_file(path, ANSWERS)


def test_a_mask_may_be_as_long_as_its_image_allows(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    answers = pd.DataFrame({"id": ["1"], "mask": [""]})
    large = Grader(
        id="id", columns={"mask": RunLengths(3_000 * 3_000)}, metric=lambda truth, prediction: float(len(prediction[0].starts))
    )
    runs = " ".join(f"{start} 1" for start in range(1, 2 * 400_000, 2))
    path.write_text(f"id,mask\n1,{runs}\n")
    assert large.score_file(path, answers) == 400_000
    path.write_text(f"id,mask\n1,{'1 ' * 3_000_000}\n")
    small = Grader(id="id", columns={"mask": RunLengths(100)}, metric=lambda truth, prediction: 1.0)
    with pytest.raises(InvalidSubmission, match="line 2 holds a cell of more than"):
        small.score_file(path, answers)


def test_long_texts_are_read(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    answers = pd.DataFrame({"id": ["1"], "t": ["é" * 500_000]})
    answers.to_csv(path, index=False)
    assert Grader(id="id", columns={"t": Text()}, metric=accuracy).score_file(path, answers) == 1
