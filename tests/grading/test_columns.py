"""Cells that are valid as they stand are read by a short way; every column is read, or refused, as by the long one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading import Boolean, Column, Integer, IntegerList, InvalidSubmission, Label, Probability, Real, Text
from grading.submission import MISSING_WORDS

NUMBERS = [0.0, 1.0, 0.5, -1.0, 2.0, 7.0, -0.0, np.nan, np.inf, 1e100, 1e101, 2.0**53 - 1, 2.0**53, 2.0**60]
LISTS = [
    "",
    "1",
    "0",
    "07",
    "-3",
    "-0",
    "+5",
    "3473",
    "3474",
    "9" * 18,
    "9" * 19,
    "3 4",
    "1  2",
    " 1",
    "2 ",
    "1\t2",
    "1\n2",
    "\n",
]
WORDS = ["x", "silence", " silence", "3", "3.0", "true", " TRUE ", "1.0", "0", "nan", "NA", "NULL", "１", "1,5", "inf", "1e5"]
NUMERIC_KINDS = [Real(), Real(0, 5), Real(may_be_empty=True), Probability(), Integer(), Integer(0, 5), Integer(minimum=-3)]
TEXT_KINDS = [Text(), Text(allow_empty=False), Label(("silence", "3", "7")), Boolean()]
LIST_KINDS = [
    IntegerList(), IntegerList(0, 3473), IntegerList(0, 3473, allow_empty=False), IntegerList(1, 9), IntegerList(-5, 9),
    IntegerList(most=3),
]  # fmt: skip


def parsed(kind: Column, cells: pd.Series) -> Any:
    """What a column is read as, or the words that refuse it."""
    try:
        values = kind.parse(cells, pd.Series([f"i{row}" for row in range(len(cells))]))
    except InvalidSubmission as error:
        return str(error)
    return values.dtype, [repr(value) for value in values.tolist()]


def column(values: Sequence[Any], dtype: Any) -> pd.Series:
    return pd.Series(values, dtype=dtype, name="c")


@given(st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=4), st.sampled_from(NUMERIC_KINDS))
def test_numbers_are_read_as_their_texts_are(values: list[float], kind: Column) -> None:
    ours = parsed(kind, column(values, np.float64))
    assert ours == parsed(kind, column(values, object))
    if all(value == np.floor(value) and abs(value) < 2**53 for value in values):
        assert parsed(kind, column([int(value) for value in values], np.int64))[0] == ours[0]


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.uint8, np.uint64, "Int64", "Float64"])
def test_numbers_of_any_type_are_read(dtype: Any) -> None:
    assert Real(0, 5).parse(column([0, 5, 3], dtype), column([1, 2, 3], int)).tolist() == [0.0, 5.0, 3.0]
    assert Integer(0, 5).parse(column([0, 5, 3], dtype), column([1, 2, 3], int)).tolist() == [0, 5, 3]
    with pytest.raises(InvalidSubmission, match="at most 4; the first is '5"):
        Real(0, 4).parse(column([0, 5, 3], dtype), column([1, 2, 3], int))


def test_a_bound_is_not_rounded_to_the_type_of_the_column() -> None:
    just_above = column([0.1], np.float32)
    assert float(just_above[0]) > 0.1
    with pytest.raises(InvalidSubmission, match=r"at most 0\.1"):
        Real(0, 0.1).parse(just_above, just_above)


@given(st.lists(st.sampled_from([*LISTS, *WORDS]), min_size=1, max_size=4), st.sampled_from(TEXT_KINDS), st.booleans())
def test_text_is_read_cell_by_cell(values: list[str], kind: Column, missing_words: bool) -> None:
    kind = kind.with_missing_words() if missing_words else kind
    each = [parsed(kind, column([value], object)) for value in values]
    ours = parsed(kind, column(values, object))
    wrong = [value for value, one in zip(values, each, strict=True) if isinstance(one, str)]
    if wrong:
        assert re.match(rf"column `c`: {len(wrong)} of {len(values)} cells? (is|are) not ", ours)
        assert repr(wrong[0]) in ours or "the first is empty" in ours or "\n" in wrong[0] or "\t" in wrong[0]
    else:
        assert ours == (each[0][0], [one[1][0] for one in each])


@given(st.lists(st.sampled_from([*LISTS, *WORDS]), min_size=1, max_size=4), st.sampled_from(LIST_KINDS))
def test_lists_are_read_number_by_number(values: list[str], kind: IntegerList) -> None:
    def is_wrong(cell: str) -> bool:
        if not re.fullmatch(r"\s*([+-]?[0-9]{1,18}(\s+[+-]?[0-9]{1,18})*)?\s*", cell):
            return True
        numbers = [int(token) for token in cell.split()]
        low, high = (-(10**18) if kind.minimum is None else kind.minimum), 10**18 if kind.maximum is None else kind.maximum
        too_many_or_few = len(numbers) > kind.most or (not numbers and not kind.allow_empty)
        return too_many_or_few or any(not low <= number <= high for number in numbers)

    ours = parsed(kind, column(values, object))
    if any(map(is_wrong, values)):
        assert ours.startswith("column `c`: ")
    else:
        assert ours == (np.dtype(object), [repr(" ".join(str(int(token)) for token in cell.split())) for cell in values])


def test_lists_are_checked_in_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grading.columns._ROWS_AT_ONCE", 2)
    good = column(["1 2", "", "3", "12"], object)
    assert IntegerList(0, 12).parse(good, good).tolist() == good.tolist()
    for row in range(4):
        with pytest.raises(InvalidSubmission, match=f"numbers from 0 to 12; the first is '13' \\(id 'i{row}'\\)"):
            bad = good.where(good.index != row, "13")
            IntegerList(0, 12).parse(bad, pd.Series([f"i{row}" for row in range(4)]))


@pytest.mark.parametrize("word", MISSING_WORDS)
def test_a_missing_word_is_blank_only_where_it_says_so(word: str) -> None:
    cells = column(["a", word, "nano"], object)
    assert Text().parse(cells, cells).tolist() == ["a", word, "nano"]
    assert Text().with_missing_words().parse(cells, cells).tolist() == ["a", "", "nano"]
    assert cells.tolist() == ["a", word, "nano"]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_cells_are_blank(missing: Any) -> None:
    cells = column(["a", missing], object)
    assert Text().parse(cells, cells).tolist() == ["a", ""]
    with pytest.raises(InvalidSubmission, match="not filled; the first is empty"):
        Text(allow_empty=False).parse(cells, cells)


@pytest.mark.parametrize("make", [lambda: column([True, False], bool), lambda: column(["TRUE", " 0 "], object)])
def test_booleans_are_read(make: Callable[[], pd.Series]) -> None:
    values = Boolean().parse(make(), make())
    assert values.dtype == bool and values.tolist() == [True, False]
    assert Boolean().parse(make()[:0], make()[:0]).tolist() == []
