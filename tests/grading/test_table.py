"""A submission is read to the letter, as much of it as is graded, and what is wrong is said by its real cause."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grading import Boolean, Column, Grader, Integer, IntegerList, InvalidSubmission, Probability, Real, Text
from grading.metrics.classification import accuracy
from grading.metrics.regression import mae, rmse
from grading.repeats import tell_repeats_apart

ANSWERS = pd.DataFrame({"id": ["1", "2", "3"], "y": [1.0, 2.0, 4.0]})
TEXTS = pd.DataFrame({"id": ["1", "2", "3"], "t": ["a", "b", "c"]})
numbers = Grader(id="id", columns={"y": Real(minimum=0)}, metric=mae)
texts = Grader(id="id", columns={"t": Text()}, metric=accuracy)

Score = Callable[..., float]


@pytest.fixture
def score(tmp_path: Path) -> Score:
    def score(content: str | bytes, grader: Grader = numbers, answers: pd.DataFrame = ANSWERS) -> float:
        path = tmp_path / "submission.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return grader.score_file(path, answers)

    return score


def refusal(score: Score, content: str | bytes, *grader: object) -> str:
    with pytest.raises(InvalidSubmission) as caught:
        score(content, *grader)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) <= 2_000
    return message


GOOD = "id,y\n1,1\n2,2\n3,4\n"


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GOOD.rstrip("\n"),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.replace("\n", "\r").rstrip("\r"),
        GOOD.replace("\n", "\r\r\n"),
        "\n\n" + GOOD.replace("\n", "\n\n  \n"),
        "\ufeff" + GOOD,
        '\ufeff"id","y"\n"1","1"\n"2","2"\n"3","4"\n',
        "y,id\n4,3\n1,1\n2,2\n",
        ",id,y\n0,1,1\n1,2,2\n2,3,4\n",
        "id,y\n1,1,\n2,2,\n3,4,\n",
        'note,id,y,note\n"a\r\nb, ""c""",1,1,\n5",2,2,\n,3,4,é\n',
        f"id,y,long\n1,{1:.300f},{'x' * 500_000}\n2,{'0' * 3_000}2,\n3,4.0e+0,\n",
        "id,y," + ",".join(map(str, range(5_000))) + "".join(f"\n{k},{v}{',0.25' * 5_000}" for k, v in ((1, 1), (2, 2), (3, 4))),
        "id,y\n" + "\n" * 1_000_000 + "1,1\n2,2\n3,4\n",
    ],
)  # fmt: skip
def test_every_way_to_write_the_same_table_scores_the_same(score: Score, content: str) -> None:
    assert score(content) == 0


@pytest.mark.parametrize(
    ("cell", "value"), [("1.", 1), (".5", 0.5), ("+1", 1), (" 1 ", 1), ("1E0", 1), ("1e+00", 1), ("1e-400", 0), ("007", 7)]
)
def test_numbers_are_read_as_pandas_reads_them(score: Score, cell: str, value: float) -> None:
    assert score(f"id,y\n1,{cell}\n2,2\n3,4\n") == pytest.approx(abs(value - 1) / 3)


@pytest.mark.parametrize(
    "cell",
    ["1_000", "１", "٣", "0x10", "0b1", "1e400", "-1e400", "inf", "+inf", "Infinity", "1d5", "1f", "1 000", "1e", "1e5.5", "−1",
     "½", "'1", "$1", "1%", "=1", "True", "1\u00a0", "--1", ".", "NA", "nan", "-"],
)  # fmt: skip
def test_numbers_in_odd_forms_are_refused_and_shown_as_written(score: Score, cell: str) -> None:
    message = refusal(score, f"id,y\n1,{cell}\n2,2\n3,4\n")
    shown = cell.replace("\u00a0", "\\xa0")
    assert f"column `y`: 1 of 3 cells is not a finite number; the first is '{shown}' (id '1')" in message


def test_cells_are_shown_as_the_file_holds_them(score: Score) -> None:
    whole = Grader(id="id", columns={"y": Integer(0, 9)}, metric=accuracy)
    assert "not at most 9; the first is '99' (id '2')" in refusal(score, "id,y\n1,0.0\n2,99\n3,1.5e0\n", whole)
    assert "not a whole number; the first is '1.50'" in refusal(score, "id,y\n1,0\n2,1.50\n3,2\n", whole)
    assert "not at least 0; the first is '-5e-1'" in refusal(score, "id,y\n1,1\n2,-5e-1\n3,2\n")
    assert "the first is empty (ids '1', '3')" in refusal(score, "id,y\n1,\n2,2\n3,\n")
    assert "the first is '1,5'; use a decimal point, not a comma" in refusal(score, 'id,y\n1,"1,5"\n2,2\n3,4\n')
    numbers = Grader(id="id", columns={"y": IntegerList()}, metric=accuracy)
    assert "the first is '1,5'; separate items by spaces only" in refusal(score, 'id,y\n1,"1,5"\n2,2\n3,4\n', numbers)


def test_a_column_of_true_and_false_is_a_probability(score: Score) -> None:
    chance = Grader(id="id", columns={"y": Probability()}, metric=mae)
    assert score("id,y\n1,True\n2,false\n3,TRUE\n", chance, ANSWERS.assign(y=[1.0, 0.0, 1.0])) == 0
    assert "the first is 'True'" in refusal(score, "id,y\n1,True\n2,0.5\n3,0\n", chance)


@pytest.mark.parametrize("kind", [Real(), Integer()])
@pytest.mark.parametrize("cells", [("TRUE", "TRUE", "TRUE"), ("True", "False", "True"), ("true", "1", "1"), ("1", "0", "False")])
def test_truth_values_are_no_numbers_even_where_pandas_takes_a_column_of_them_for_some(
    score: Score, kind: Column, cells: tuple[str, str, str]
) -> None:
    grader = Grader(id="id", columns={"y": kind}, metric=lambda truth, prediction: 1.0)
    rows = "".join(f"{row},{cell}\n" for row, cell in enumerate(cells, start=1))
    odd = next(cell for cell in cells if cell.isalpha())
    assert f"the first is '{odd}'" in refusal(score, f"id,y\n{rows}", grader)
    assert score("id,y,note\n1,1,True\n2,0,True\n3,1,TRUE\n", grader) == 1


def test_empty_cells_may_stand_beside_a_wrong_one(score: Score) -> None:
    gaps = Grader(id="id", columns={"y": Real(may_be_empty=True)}, metric=lambda truth, prediction: 1.0)
    assert score("id,y\n1,\n2,NA\n3,4\n", gaps) == 1
    assert "1 of 3 cells is not a finite number; the first is 'x'" in refusal(score, "id,y\n1,\n2,x\n3,NA\n", gaps)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("id,t\n1,a\0junk\n2,b\n3,c\n", "line 2 contains a NUL byte"),
        ("id,t\n1,a\n2,b\n3,c\n" + "\0" * 40, "the file ends in 40 NUL bytes, starting in line 5"),
        ("id,t\0\n1,a\n2,b\n3,c\n", "line 1 contains a NUL byte"),
        ("id,t\n1,a\rb\n2,b\n3,c\n", "line 2 contains a carriage return outside quotes"),
        ('id,t\n1,"a"b\n2,b\n3,c\n', "line 2: text follows a closing quote"),
        ('id,t\n1,"a \\"b\\" c"\n2,b\n3,c\n', "line 2: text follows a closing quote"),
        ('id,t\n1, "a"\n2,b\n3,c\n', "line 2: a space precedes an opening quote"),
        ('id,t\n1,a\n2,"b\n3,c\n', "a quote opens in line 3 and is never closed"),
        ('id,t\n1,a,b\n2,b\n3,c\n', r"line 2 has 3 cells, more than there are column names \(2\); quote cells that"),
        ('id,t\n0,1,a\n1,2,b\n2,3,c\n', r"do not write the index \(`index=False`\)"),
        ("id,t\n1,a\n2\n3,c\n", "line 3 has 1 cell, but the first line has 2 columns"),
        ("id,t\n# comment\n1,a\n2,b\n3,c\n", "line 2 has 1 cell"),
        ("id,t,id\n1,a,1\n2,b,2\n3,c,3\n", "column `id` appears more than once; keep one"),
        ("id,id,t,t\n1,1,a,a\n", "columns `id`, `t` appear more than once; keep one of each"),
        ("id\uff0ct\n1\uff0ca\n", "missing columns `id`, `t`.*separated by full-width commas"),
        ("t,id,t\na,1,c\nb,2,b\nc,3,a\n", "column `t` appears more than once; keep one"),
        ("id,id\n1,1\n2,2\n3,3\n", "missing column `t`.*`id` appears more than once"),
        ("id,t\n1,a\n2,b\n3,c\n2,d\n", "each id must appear once; repeated: '2'"),
        ("id,t\n1,a\n2,b\n3,c\n2.0,d\n", "each id must appear once; repeated: '2'"),
        ("id,t\n1e0,a\n2,b\n3,c\n", "1 id is not in the test set: '1e0'; numbers in exponent notation have lost digits"),
        ("id,t\n1,a\n2,b\n3,c\n,d\n", "1 id is not in the test set: ''; an id is empty"),
        ("id,t\n1,a\n2,b\n", "1 of 3 test ids is missing: '3'"),
        ("id,t\n１,a\n2,b\n3,c\n", "1 id is not in the test set"),
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_or_is_torn_is_refused(score: Score, content: str, cause: str) -> None:
    with pytest.raises(InvalidSubmission, match=cause):
        score(content, texts, TEXTS)


@pytest.mark.parametrize("cell", ['5"', 'a "b" c', "#", "\\", "NA", "a;b", "'a,'", "="])
def test_text_is_read_to_the_letter_quoted_or_not(score: Score, cell: str) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    answers = TEXTS.assign(t=[cell, "b", "c"])
    assert score(f"id,t\n1,{quoted}\n2,b\n3,c\n", texts, answers) == 1
    if "," not in cell:
        assert score(f"id,t\n1,{cell}\n2,b\n3,c\n", texts, answers) == 1


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("id;y", "its cells are separated by semicolons: use commas"),
        ("id\ty", "separated by tabs"),
        ("id|y", "separated by vertical bars"),
        ("sep=;", "remove the `sep=` line"),
        ("id,Y", "`Y` is not `y`: names must match exactly"),
        ("id, y", "` y` is not `y`"),
        ("id,ｙ", "`ｙ` is not `y`"),
        ("\ufeff\ufeffid,y", r"`\\ufeffid` is not `id`"),
        ("'id','y'", "`'id'` is not `id`, `'y'` is not `y`"),
        ("7,0.5", "the first line holds data: add a header line with the column names"),
        ("a_01,b", "the first line must hold the column names"),
        ("id,1,2,3\ny,0.1,0.2,0.3", "rows and columns are swapped"),
        ("id,\x1b[31mred\x07", r"the file has `id`, `\\x1b\[31mred\\x07`"),
        ('{"id": [1], "y": [2]}', "the file is JSON, not csv text"),
        ("<!DOCTYPE html><html>", "the file is an HTML page"),
        ("<table><tr><td>id", "the file is an HTML page"),
        ('"id,y"', "the whole line is quoted"),
        ("# made by hand\nid,y", "the column names are in line 2: remove the lines above it"),
        ("```csv\nid,y", "the column names are in line 2"),
    ],
)
def test_a_header_without_the_names_is_told_by_its_cause(score: Score, header: str, hint: str) -> None:
    with pytest.raises(InvalidSubmission, match=hint):
        score(f"{header}\n1,1\n")


def as_bytes(write: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def zipped(name: str) -> bytes:
    def write(buffer: io.BytesIO) -> None:
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(name, GOOD)

    return as_bytes(write)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (GOOD.encode("utf-16"), "text in UTF-16; save it as UTF-8"),
        (GOOD.encode("utf-16-le"), "text in UTF-16"),
        (GOOD.encode("utf-16-be"), "text in UTF-16"),
        (GOOD.encode("utf-32"), "text in UTF-32"),
        (GOOD.encode("utf-32-be"), "text in UTF-32"),
        (GOOD.replace("4", "é").encode("latin-1"), "not UTF-8 text: line 4 has the byte 0xe9 (position 15); save it as UTF-8"),
        (gzip.compress(GOOD.encode(), mtime=0), "gzip-compressed, not csv text; unpack it"),
        (zipped("submission.csv"), "a zip archive, not csv text; unpack it"),
        (zipped("xl/workbook.xml"), "an Excel workbook"),
        (as_bytes(lambda file: np.savez(file, y=np.ones(3))), "a NumPy archive"),
        (as_bytes(lambda file: np.save(file, np.ones(3))), "a NumPy array, not csv text; save the table as csv text"),
        (b"PAR1\x15\x04\x15\x00", "a parquet file"),
        (pickle.dumps({"id": [1]}), "a Python pickle"),
        (json.dumps({"id": [1]}).encode(), "the file is JSON"),
        (b"", "the file is empty; the first line must hold the column names"),
        (b"\n \n\r\n", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (b"id,y\n", "3 of 3 test ids are missing"),
        (b'"id,y\n1,1\n', "a quote in the first line is never closed"),
    ],
    # archives hold the time
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_of_other_formats_are_named(score: Score, content: bytes, cause: str) -> None:
    assert cause in refusal(score, content)


@pytest.mark.parametrize(
    ("expected", "ids", "hint"),
    [
        (["a.jpg", "b.jpg"], ["a", "b"], "ids end in `.jpg`"),
        (["a", "b"], ["a.jpg", "b.jpg"], "ids must not have a file extension"),
        (["a", "b"], [" a", "b "], "ids must not have leading or trailing spaces"),
        (["a", "b"], ["'a'", "'b'"], "ids must not be enclosed in quotes"),
        (["a", "b"], ["A", "B"], "ids are case-sensitive"),
        (["a", "b"], ["a.0", "b.0"], "copy the ids exactly from the sample submission"),
        (["a.jpg", "b.jpg"], ["test/a.jpg", "test/b.jpg"], "ids must not contain a folder"),
        (["a", "b"], ["x", "b"], "copy the ids exactly from the sample submission"),
        (["17", "29"], ["0", "1"], "row numbers are not the expected ids"),
    ],
)
def test_ids_that_are_not_asked_for_are_told_by_their_cause(score: Score, expected: list[str], ids: list[str], hint: str) -> None:
    answers = pd.DataFrame({"id": expected, "y": [1.0, 2.0]})
    assert hint in refusal(score, "id,y\n" + "".join(f"{id},1\n" for id in ids), numbers, answers)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("surplus", [(20, 1, 8), (0, 200, 7), (58, 200, 200), (200, 200, 200), (0, 0, 1)])
def test_rows_may_end_with_any_number_of_empty_cells(score: Score, surplus: tuple[int, int, int], end: str) -> None:
    lines = [f"{row},{row}{',' * count}" for row, count in zip((1, 2, 3), surplus, strict=True)]
    assert score(end.join(["id,y" + "," * 200, *lines])) == pytest.approx(1 / 3)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_byte_order_mark_in_the_first_cell_is_text(score: Score, end: str) -> None:
    message = refusal(score, end.join(["id,y", "\ufeff1,1", "2,2", "3,3"]))
    assert "\\ufeff1" in message
    assert score(end.join(["t,id", "\ufeffa,1", "b,2", "c,3"]), texts, TEXTS) == pytest.approx(2 / 3)


def test_columns_that_are_not_graded_are_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv"
    path.write_text("note,id,y,note\na,1,1,b\n,2,2,\n,3,4,\n")
    assert list(numbers.read(path, ANSWERS)) == ["id", "y"]


def test_a_column_that_only_adapting_needs_is_read_where_it_is(score: Score) -> None:
    by_day = tell_repeats_apart("id", by="day")
    dated = Grader(id="id", columns={"y": Real()}, public=("day",), metric=mae, adapt=by_day, optional=("day",))
    answers = pd.DataFrame({"id": ["a", "a", "b"], "day": ["2", np.nan, "5"], "y": [1.0, 2.0, 3.0]})
    assert score("id,day,y\na,,2\na,2,1\nb,5,3\n", dated, answers) == 0
    assert score("id,y\na,1\na,2\nb,3\n", dated, answers) == 0
    assert "`day` appears more than once" in refusal(score, "id,day,y,day\na,,2,2\na,2,1,2\nb,5,3,2\n", dated, answers)


def test_no_id_passes_for_the_number_of_a_repeated_one(score: Score) -> None:
    repeats = Grader(id="id", columns={"y": Real()}, metric=mae, adapt=tell_repeats_apart("id"))
    answers = pd.DataFrame({"id": ["a", "a"], "y": [1.0, 2.0]})
    assert "not in the test set" in refusal(score, "id,y\na,1\na\x1frow 2,2\n", repeats, answers)


def test_numbers_whose_squares_overflow_are_refused_without_a_warning(score: Score) -> None:
    squared = Grader(id="id", columns={"y": Real()}, metric=rmse)
    assert "not within ±1e+100; the first is '1e308'" in refusal(score, "id,y\n1,1e308\n2,2\n3,4\n", squared)


def test_many_rows_are_read_in_pieces_that_fit_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "submission.csv"
    answers = pd.DataFrame({"id": [f"{k:05}" for k in range(3_000)], "y": np.arange(3_000) / 7, "b": np.arange(3_000) % 3 == 0})
    answers.to_csv(path, index=False)
    monkeypatch.setattr("grading.table._BYTES_AT_ONCE", 1_000)
    grader = Grader(id="id", columns={"y": Real(), "b": Boolean()}, table_metric=lambda truth, table: mae(truth["y"], table["y"]))
    assert grader.score_file(path, answers) == 0
