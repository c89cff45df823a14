"""Ids that fill several rows."""

import pandas as pd
import pytest

from grading import Grader, InvalidSubmission, Real
from grading.metrics.regression import mae
from grading.repeats import tell_repeats_apart

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
