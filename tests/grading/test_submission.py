"""Rows are matched by id, in any order and spelling, and everything that is wrong is said in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading import Boolean, Grader, Integer, InvalidSubmission, Label, Probability, Real, Text, per_edition
from grading.metrics.classification import accuracy
from grading.metrics.regression import mae, rmse

ANSWERS = pd.DataFrame({"id": ["1", "2", "3"], "y": [1.0, 2.0, 4.0]})
grader = Grader(id="id", columns={"y": Real(minimum=0)}, metric=mae)


def table(ids: list[object], values: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"id": ids, "y": values})


@given(st.permutations([0, 1, 2]))
def test_any_row_order_scores_the_same(order: list[int]) -> None:
    submission = table(["1", "2", "3"], [1.5, 2.0, 4.0]).iloc[order]
    assert grader.score(submission, ANSWERS) == pytest.approx(0.5 / 3)


@pytest.mark.parametrize("number", [1e308, -1e200])
def test_numbers_whose_squares_overflow_are_refused(number: float) -> None:
    squared = Grader(id="id", columns={"y": Real()}, metric=rmse)
    with pytest.raises(InvalidSubmission, match=r"`y`: 1 of 3 cells is not within ±1e\+100"):
        squared.score(table(["1", "2", "3"], [1.0, 2.0, number]), ANSWERS)


@pytest.mark.parametrize("ids", [[1, 2, 3], [1.0, 2.0, 3.0], ["1.0", "02", " 3"]])
def test_whole_number_ids_match_in_any_spelling(ids: list[object]) -> None:
    assert grader.score(table(ids, [1, 2, 4]), ANSWERS) == 0


def test_each_column_of_an_id_matches_in_any_spelling() -> None:
    answers = pd.DataFrame({"trip": ["a", "a", "b"], "time": [10, 20, 10], "y": [1, 2, 3]})
    grader = Grader(id=("trip", "time"), columns={"y": Integer()}, metric=accuracy)
    assert grader.score(answers.assign(time=["10.0", "020", " 10"]).iloc[::-1], answers) == 1


@pytest.mark.parametrize("ids", [["0300", "0017", "1234"], [300, 17, 1234], ["300", "17.0", "01234"]])
def test_zero_padded_ids_match_without_their_zeros(ids: list[object]) -> None:
    answers = pd.DataFrame({"id": ["0300", "0017", "1234"], "y": [1, 2, 3]})
    grader = Grader(id="id", columns={"y": Integer()}, metric=accuracy)
    assert grader.score(pd.DataFrame({"id": ids, "y": [1, 2, 3]}).iloc[::-1], answers) == 1
    with pytest.raises(InvalidSubmission, match="repeated: '0300'"):
        grader.score(pd.DataFrame({"id": ["300", "0300", "1234"], "y": [1, 1, 3]}), answers)


def test_ids_with_leading_zeros_are_other_ids_where_the_answers_have_some() -> None:
    answers = ANSWERS.assign(id=["0012", "12", "3"])
    assert grader.score(table(["3", "12", "0012"], [4, 2, 1]), answers) == 0
    with pytest.raises(InvalidSubmission, match="not in the test set: '012'"):
        grader.score(table(["3", "012", "0012"], [4, 2, 1]), answers)


@pytest.mark.parametrize(
    ("submission", "message"),
    [
        (table(["1", "2"], [1, 2]), r"1 of 3 test ids is missing: '3'"),
        (table(["1", "2", "2"], [1, 2, 4]), r"repeated: '2'"),
        (table(["1", "2", "3", "9"], [1, 2, 4, 4]), r"1 id is not in the test set: '9'"),
        (table(["1", "2", "x"], [1, 2, 4]), r"not in the test set: 'x'"),
        (pd.DataFrame({"id": ["1"]}), r"missing column `y`; the file has `id`"),
        (pd.DataFrame(), r"missing columns `id`, `y`"),
        (pd.DataFrame([["1", 1, 1]], columns=["id", "y", "y"]), r"column `y` appears more than once"),
        (table(["1", "2", "3"], [1, np.nan, 4]), r"column `y`: 1 of 3 cells is not a finite number; the first is empty.*id '2'"),
        (table(["1", "2", "3"], [1, np.inf, 4]), r"not a finite number"),
        (table(["1", "2", "3"], [1, "abc", 4]), r"not a finite number; the first is 'abc'"),
        (table(["1", "2", "3"], [1, -0.5, 4]), r"not at least 0"),
        (table(["1", "2", "3"], [True, False, True]), r"not a number"),
    ],
)
def test_what_is_wrong_is_named_with_column_and_ids(submission: pd.DataFrame, message: str) -> None:
    with pytest.raises(InvalidSubmission, match=message):
        grader.score(submission, ANSWERS)


@pytest.mark.parametrize("number", ["1e300", "-9007199254740993"])
def test_whole_numbers_that_would_become_others_are_refused(number: str) -> None:
    with pytest.raises(InvalidSubmission, match=rf"`c`: 1 of 2 cells is not within ±9007199254740991; the first is '{number}'"):
        Integer().parse(pd.Series(["1", number], name="c"), pd.Series(["i", "j"]))


def test_several_id_columns_identify_a_row_together() -> None:
    pairs = Grader(id=("a", "b"), columns={"y": Real()}, metric=rmse)
    answers = pd.DataFrame({"a": ["1", "1", "11"], "b": ["11", "1", "1"], "y": [1.0, 2.0, 3.0]})
    assert pairs.score(answers.iloc[::-1], answers) == 0
    with pytest.raises(InvalidSubmission, match="'1, 2'"):
        pairs.score(answers.assign(b=["11", "1", "2"], a=["1", "11", "1"]), answers)


def test_answers_that_do_not_fit_are_our_fault_and_never_shown_as_the_submissions() -> None:
    with pytest.raises(ValueError, match="answers do not fit"):
        grader.score(table(["1", "2", "3"], [1, 2, 4]), ANSWERS.assign(y=["1", "secret", "4"]))


def test_a_score_that_is_no_number_is_our_fault() -> None:
    broken = Grader(id="id", columns={"y": Real()}, metric=lambda truth, prediction: float("nan"))
    with pytest.raises(ArithmeticError, match="nan"):
        broken.score(table(["1", "2", "3"], [1, 2, 4]), ANSWERS)


def test_text_is_read_to_the_letter(tmp_path: Path) -> None:
    words = ["NA", "", "007", "null", "1.0", ' "quoted", ']
    answers = pd.DataFrame({"id": [f"0{k}" for k in range(6)], "after": words})
    answers.to_csv(tmp_path / "answers.csv", index=False)
    exact = Grader(id="id", columns={"after": Text()}, metric=accuracy)
    read = exact.read(tmp_path / "answers.csv")
    assert list(read["after"]) == words
    assert list(read["id"]) == list(answers["id"])
    assert exact.score(read, read) == 1
    lenient = Grader(id="id", columns={"after": Text()}, metric=accuracy, missing_words=True)
    assert lenient.score(read.assign(after=["null", "NA", "007", "", "1.0", ' "quoted", ']), read) == 1
    assert exact.score(read.assign(after=["null", "NA", "007", "", "1.0", ' "quoted", ']), read) == 0.5


@pytest.mark.parametrize(
    "kind", [Real(), Real(0, 1), Probability(), Integer(), Integer(0, 9), Boolean(), Label(("a", "b")), Text(allow_empty=False)]
)
def test_each_kind_refuses_what_it_says_it_refuses(kind: object) -> None:
    good = {"Boolean": "True", "Label": "a", "Text": "x"}.get(type(kind).__name__, "1")
    ids = pd.Series(["i", "j"])
    assert len(kind.parse(pd.Series([good, good], name="c"), ids)) == 2  # type: ignore[attr-defined]
    for cell in kind.refused_cells().values():  # type: ignore[attr-defined]
        with pytest.raises(InvalidSubmission, match=r"`c`.*'j'"):
            kind.parse(pd.Series([good, cell], name="c"), ids)  # type: ignore[attr-defined]


@pytest.mark.parametrize("words", [["True", "False"], ["true", "FALSE"], [1, 0], [1.0, 0.0], ["1", "0"], [True, False]])
def test_booleans_come_in_any_common_spelling(words: list[object]) -> None:
    assert list(Boolean().parse(pd.Series(words, name="c"), pd.Series(["i", "j"]))) == [True, False]


def test_true_and_false_are_probabilities_but_no_other_numbers() -> None:
    cells, ids = pd.Series([True, False], name="c"), pd.Series(["i", "j"])
    assert list(Probability().parse(cells, ids)) == [1.0, 0.0]
    for kind in (Real(), Integer()):
        with pytest.raises(InvalidSubmission, match="not a number"):
            kind.parse(cells, ids)


def test_editions_may_be_graded_differently() -> None:
    both = per_edition(v1=grader, v2=Grader(id="id", columns={"y": Real()}, metric=rmse))
    assert both.for_edition("v1").metric is grader.metric
    assert both.for_edition("v2").metric is rmse
    assert both.for_edition("v1").missing_words and not both.for_edition("v2").missing_words
    assert grader.for_edition("v2") is grader
