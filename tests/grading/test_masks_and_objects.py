"""The kinds of cells that hold masks and lists of objects."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.columns import Integer, Label, Real, RunLengths, Text
from grading.metrics.run_length import area, parse_runs
from grading.objects import ObjectList, _most_tokens, flatten
from grading.submission import InvalidSubmission

POINTS = ObjectList({"label": Label(("cat", "dog")), "x": Real(), "y": Real(0)}, most=3)


def series(cells, name="mask"):
    return pd.Series(cells, name=name), pd.Series([f"row{k}" for k in range(len(cells))])


def test_masks_of_several_sizes_and_empty_words():
    masks = RunLengths((4, 100), empty_word="-")
    parsed = masks.parse(*series(["-", "1 3 50 2"]))
    assert [area(runs) for runs in parsed] == [0, 5]
    assert [area(runs) for runs in masks.parse(*series([None, ""]))] == [0, 0]
    with pytest.raises(InvalidSubmission, match=r"column `mask`: row 'row0': .* last pixel"):
        masks.parse(*series(["5 1", "1 1"]))


def test_a_column_of_lone_numbers_is_an_odd_count_not_a_crash():
    with pytest.raises(InvalidSubmission, match="odd count"):
        RunLengths(4).parse(*series([1, 2]))
    with pytest.raises(InvalidSubmission, match="whole numbers"):
        RunLengths(4).parse(*series([1.0, np.nan]))


@pytest.mark.parametrize("cell", RunLengths(9).refused_cells().values())
def test_refused_masks(cell):
    with pytest.raises(InvalidSubmission):
        RunLengths(9).parse(*series(["1 1", cell]))


def test_masks_go_through_a_table_and_back():
    parsed = RunLengths(9).parse(*series(["1 1", "3 2 7 1"]))
    frame = pd.DataFrame({"id": ["a", "b"]}).assign(mask=parsed)
    assert frame["mask"].iloc[1].starts.tolist() == parse_runs("3 2 7 1", 9).starts.tolist()


def test_objects_by_row():
    parsed = POINTS.parse(*series(["cat 1 2  dog -3.5 4\n", "", "dog 0 0"]))
    assert [row["label"].tolist() for row in parsed] == [["cat", "dog"], [], ["dog"]]
    table = flatten(parsed)
    assert table["row"].tolist() == [0, 0, 2]
    assert table["x"].tolist() == [1, -3.5, 0]


def test_objects_keep_their_rows_across_blocks(monkeypatch):
    monkeypatch.setattr("grading.objects._BLOCK_TOKENS", 2)
    monkeypatch.setattr("grading.objects._BLOCK_CHARACTERS", 6)
    table = flatten(POINTS.parse(*series(["cat 1 2", "", "dog 3 4 dog 5 6", "cat 7 8"])))
    assert table["row"].tolist() == [0, 2, 2, 3]
    assert table["y"].tolist() == [2, 4, 6, 8]
    with pytest.raises(InvalidSubmission, match="row3"):
        POINTS.parse(*series(["cat 1 2", "", "dog 3 4 dog 5 6", "cat 7"]))


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        ("cat 1", "groups of 3 fields, `label x y`"),
        ("cat,1", "the first is 'cat,1'; separate items by spaces only (id"),
        ("1,2", "the first is '1,2'; separate items by spaces only (id"),
        ("bird 1 2", "one of cat, dog"),
        ("cat one 2", "column `mask` field `x`: 1 of 1 cell is not a finite number; the first is 'one'"),
        ("cat nan 2", "finite number"),
        ("cat 1 inf", "finite number"),
        ("cat 1 -2", "at least 0"),
        ("cat 1 2 " * 4, "at most 3 objects"),
        ("x" * 10_000_000, "groups of 3"),
        ("1 " * 5_000_000, "at most 3 objects"),
    ],
)
def test_refused_objects_name_the_row(cell, fault):
    with pytest.raises(InvalidSubmission, match="row1") as error:
        POINTS.parse(*series(["", cell]))
    assert fault in str(error.value)
    assert len(str(error.value)) < 300


def test_all_cells_together_may_list_so_many_objects_for_each():
    few = ObjectList({"x": Real()}, most=100, most_on_average=10)
    assert len(few.parse(*series(["1 " * 100, *["1"] * 20]))) == 21
    assert len(few.parse(*series(["1 " * 100]))) == 1
    with pytest.raises(InvalidSubmission, match="column `mask`: the cells list more than 210 objects in total"):
        few.parse(*series([*["1 " * 100] * 3, *[""] * 18]))


def test_a_blank_list_where_one_is_needed():
    with pytest.raises(InvalidSubmission, match="not filled"):
        ObjectList({"label": Text()}, allow_empty=False).parse(*series(["  "]))


def test_no_objects_at_all():
    assert len(flatten(POINTS.parse(*series(["", ""])))) == 0
    assert len(flatten([])) == 0


def test_a_refusal_counts_the_wrong_cells_far_apart() -> None:
    row = " ".join(["1 2"] * 5_000)
    wrong = f"{row} 3 no"
    points = ObjectList({"x": Real(), "y": Real()}, most_on_average=10_000)
    with pytest.raises(InvalidSubmission, match="2 of 60,002 cells are not a finite number; the first is 'no'"):
        points.parse(*series([row] * 4 + [wrong] + [row] * 6 + [wrong]))


@pytest.mark.parametrize("blanks", [" ", "\t \n", "\x1c", "\u2003", "\xa0"])
def test_a_text_never_has_more_tokens_than_are_reckoned(blanks: str) -> None:
    text = blanks.join(["", "1", "2", "3"])
    assert len(text.split()) <= _most_tokens(text)


FIELDS = {"text": Text(), "real": Real(), "least": Real(0), "whole": Integer(0, 14), "choice": Label(("cat", "1"))}
WORDS = [
    *["1", "3.0", "0.5", "-0.0", "7e-1", "0.12345678901234567", "12345678901234567890", "+3", ".5", "5.", "cat", "é"],
    *["-1", "1_0", "nan", "inf", "1e400", "1e101", "0x1", "1.5.2", "--1", "-", ".", "\u0661", "15", "1,5", "a\x00"],
]


@given(st.data())
def test_reading_many_cells_at_a_time_is_reading_them_with_care(data):
    names = data.draw(st.lists(st.sampled_from([*FIELDS]), min_size=1, unique=True))
    kind = ObjectList({name: FIELDS[name] for name in names}, most=3)
    words = st.sampled_from(WORDS if data.draw(st.booleans()) else WORDS[:3])
    cell = st.lists(words, max_size=4 * len(names)).map(lambda row: row if data.draw(st.booleans()) else row * len(names))
    blank = data.draw(st.sampled_from([" ", "  ", "\t", "\x1c", "\u2003", "\xa0"]))
    cells = [blank.join(row) for row in data.draw(st.lists(cell, min_size=1, max_size=3))]
    outcomes = []
    with pytest.MonkeyPatch.context() as patch:
        for careful in (False, True):
            if careful:
                patch.setattr(ObjectList, "_read", lambda *_: None)
            try:
                outcomes.append(flatten(kind.parse(*series(cells))))
            except InvalidSubmission as error:
                outcomes.append(str(error))
    if isinstance(outcomes[1], str):
        assert outcomes[0] == outcomes[1]
    else:
        pd.testing.assert_frame_equal(*outcomes, check_exact=True)


def test_correct_cells_are_not_looked_at_one_by_one(monkeypatch):
    monkeypatch.setattr(ObjectList, "_read_with_care", lambda *_: pytest.fail("read with care"))
    assert flatten(POINTS.parse(*series(["cat 1 2 dog -3.5 4e1\n", "", "dog 0 0"])))["y"].tolist() == [2, 40, 0]


def test_rows_in_another_order_are_flattened_in_theirs():
    parsed = POINTS.parse(*series(["cat 1 2", "", "dog 3 4 dog 5 6"]))
    table = flatten(parsed[[2, 0, 0]])
    assert table["row"].tolist() == [0, 0, 1, 2]
    assert table["x"].tolist() == [3, 5, 1, 1]
    assert len(flatten(parsed[:1])) == 1
