"""Ids that fill several rows."""

import math

import pandas as pd
import pytest

from grading import Grader, InvalidSubmission, Real
from grading.metrics.regression import mae
from grading.repeats import RepeatsApart, tell_repeats_apart

ANSWERS = pd.DataFrame({"id": [7, 3, 7], "date": [2, 1, 1], "value": [1.0, 2.0, 3.0]})


def grader(by: str | None = None) -> Grader:
    public = () if by is None else (by,)
    return Grader(id="id", columns={"value": Real()}, public=public, metric=mae, adapt=tell_repeats_apart("id", by=by))


def test_rows_of_an_id_are_matched_in_their_order():
    assert grader().score(ANSWERS, ANSWERS) == 0
    assert grader().score(ANSWERS.iloc[[1, 0, 2]], ANSWERS) == 0
    assert grader().score(ANSWERS.iloc[[2, 1, 0]], ANSWERS) == pytest.approx(4 / 3)


@pytest.mark.parametrize("ids", [["7.0", "3.0", "7.0"], [" 7", "3", "07"], [7.0, 3.0, 7.0]])
def test_whole_number_ids_match_in_any_spelling(ids):
    assert grader().score(ANSWERS.assign(id=ids), ANSWERS) == 0


def test_a_column_may_tell_the_order():
    assert grader(by="date").score(ANSWERS.iloc[[2, 1, 0]], ANSWERS) == 0


def test_without_that_column_or_with_other_values_in_it_the_order_in_the_file_decides():
    for submission in (ANSWERS.drop(columns="date"), ANSWERS.assign(date=1), ANSWERS.assign(date=None)):
        assert grader(by="date").score(submission, ANSWERS) == 0


@pytest.mark.parametrize(
    ("rows", "message"), [([0, 1, 2, 2], "repeated: '7"), ([0, 1, 2, 1], "repeated: '3'"), ([0, 1], "missing: '7, row 2'")]
)
def test_an_id_must_appear_as_often_as_in_the_answers(rows, message):
    with pytest.raises(InvalidSubmission, match=message):
        grader().score(ANSWERS.iloc[rows], ANSWERS)


@pytest.mark.parametrize("by", [None, "date"])
@pytest.mark.parametrize("order", [[0, 1, 2], [0, 2, 1], [2, 1, 0]])
@pytest.mark.parametrize("value", [0.5, "x", math.inf])
def test_rows_in_the_order_of_the_answers_are_graded_like_all_others(by, order, value, monkeypatch):
    submission = ANSWERS.assign(value=[0.5, value, 1.5]).iloc[order]

    def outcome():
        try:
            return grader(by).score(submission, ANSWERS)
        except InvalidSubmission as refused:
            return str(refused)

    found = outcome()
    monkeypatch.setattr(RepeatsApart, "are_in_order", lambda *_: False)
    assert found == outcome()


def test_an_order_that_is_told_by_a_column_is_seen_to_be_another():
    swapped = ANSWERS.assign(date=[1, 1, 2], value=[3.0, 2.0, 1.0])
    assert grader(by="date").score(swapped, ANSWERS) == 0
