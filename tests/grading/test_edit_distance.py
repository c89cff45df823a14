"""Edit distances against worked examples and their properties."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading import IntegerList, InvalidSubmission
from grading.metrics.edit_distance import mean_levenshtein, token_error_rate


def cells(*texts: str) -> np.ndarray:
    return np.array(texts, dtype=object)


def test_mean_levenshtein_counts_characters() -> None:
    assert mean_levenshtein(cells("kitten", "Ab", ""), cells("sitting", "ab", "xyz")) == pytest.approx((3 + 1 + 3) / 3)
    water, methane = "InChI=1S/H2O/h1H2", "InChI=1S/CH4/h1H4"
    assert mean_levenshtein(cells(water, methane), cells("", methane)) == len(water) / 2


def test_token_error_rate_is_relative_to_the_truth() -> None:
    assert token_error_rate(cells("2 4 5", "1 2 3"), cells("2", "1 2 3")) == pytest.approx(2 / 6)
    assert token_error_rate(cells("1 2 4", "1", "2 2 2"), cells("3 2", "2", "2")) == pytest.approx((2 + 1 + 2) / 7)
    assert token_error_rate(cells("11 1"), cells("1 11 1 5 6 7")) == 2.0
    assert token_error_rate(cells("7 8"), cells("")) == 1.0


def plain_distance(one: list[str], other: list[str]) -> int:
    row = list(range(len(other) + 1))
    for count, token in enumerate(one, start=1):
        above, row = row, [count]
        for place, candidate in enumerate(other):
            row.append(min(above[place + 1] + 1, row[place] + 1, above[place] + (token != candidate)))
    return row[-1]


def test_token_error_rate_is_the_plain_distance() -> None:
    rng = np.random.default_rng(0)
    words = ["1", "11", "2", "-2", "\0", "\1", "x"]
    truth, prediction = (cells(*(" ".join(rng.choice(words, rng.integers(0, 9))) for _ in range(200))) for _ in range(2))
    pairs = [(one.split(), other.split()) for one, other in zip(truth, prediction, strict=True)]
    expected = sum(plain_distance(*pair) for pair in pairs) / sum(len(one) for one, _ in pairs)
    assert token_error_rate(truth, prediction) == expected
    # characters beyond those of a byte, and those that are halves of others
    many = cells(" ".join(map(str, range(60_000))))
    assert token_error_rate(many, cells(many[0] + " x")) == token_error_rate(many, cells(many[0][2:])) == 1 / 60_000
    # predicted words that are never right
    assert token_error_rate(cells("1 2"), cells("y z 2")) == token_error_rate(cells("1 2"), cells("y y 2")) == 1


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), min_size=1, max_size=5))
def test_distance_is_a_metric(pairs: list[tuple[str, str]]) -> None:
    one, other = cells(*(a for a, _ in pairs)), cells(*(b for _, b in pairs))
    distance = mean_levenshtein(one, other)
    assert distance == mean_levenshtein(other, one)
    assert (distance == 0) == (one.tolist() == other.tolist())
    assert distance <= np.mean([max(len(a), len(b)) for a, b in pairs])


def test_lists_of_numbers_come_in_any_spelling() -> None:
    texts = pd.Series(["1 2", " 07\t+3\n", "-0 -5", "", "   ", "12"], name="labels")
    parsed = IntegerList().parse(texts, texts)
    assert parsed.tolist() == ["1 2", "7 3", "0 -5", "", "", "12"]
    assert texts[1] == " 07\t+3\n"
    for kind, wrong in (
        (IntegerList(), "1 x"),
        (IntegerList(0, 9), "3 10"),
        (IntegerList(0), "-1"),
        (IntegerList(allow_empty=False), " "),
    ):
        with pytest.raises(InvalidSubmission, match="column `labels`: 1 of 1 cell is not"):
            kind.parse(pd.Series([wrong], name="labels"), pd.Series(["a"]))


# quadratic work on so many blanks takes hours
@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        pytest.param(" " * 1_000_000 + "x", "whole numbers", id="blanks first"),
        pytest.param("1" + " " * 1_000_000 + "x", "whole numbers", id="blanks inside"),
        pytest.param("1 " * 9_999 + "x", "whole numbers", id="text at the end"),
        pytest.param("1 " * 10_001, "a list of at most 10,000 numbers", id="one number too many"),
        pytest.param("1 " * 20_000_000, "a list of at most 10,000 numbers", id="20 million numbers"),
    ],
)
def test_long_wrong_lists_are_refused_at_once(cell: str, expected: str) -> None:
    with pytest.raises(InvalidSubmission, match=expected):
        IntegerList().parse(pd.Series([cell], name="labels"), pd.Series(["a"]))


def test_a_list_may_be_as_long_as_it_says() -> None:
    cells = pd.Series(["1 " * 10_000, "3 2 1"], name="labels")
    assert [len(cell.split()) for cell in IntegerList().parse(cells, cells)] == [10_000, 3]
    with pytest.raises(InvalidSubmission, match="a list of at most 2 numbers"):
        IntegerList(most=2).parse(cells[1:], cells[1:])
