"""Rules for rows of class probabilities."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from grading import Grader, InvalidSubmission
from grading.metrics.classification import kaggle_log_loss, log_loss
from grading.rows import divided_by_sum, probability_per_class, sum_to_one

ANSWERS = pd.DataFrame({"id": ["p", "q"], "cat": [1, 0], "dog": [0, 1]})


def submission(*rows: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame({"id": ["q", "p"], "cat": [row[0] for row in rows], "dog": [row[1] for row in rows]})


def test_rows_must_sum_to_one_within_the_tolerance() -> None:
    grader = Grader(id="id", columns=probability_per_class("id"), rows=sum_to_one(), metric=log_loss)
    assert grader.score(submission((0.5, 0.50001), (0.25, 0.75)), ANSWERS) == pytest.approx(-(np.log(0.50001) + np.log(0.25)) / 2)
    with pytest.raises(InvalidSubmission, match=r"1 of 2 rows .*sum to a value that is 1 .*first sum is 0\.99 \(id 'q'\)"):
        grader.score(submission((0.5, 0.49), (0.25, 0.75)), ANSWERS)


def test_rows_are_divided_by_their_sum() -> None:
    grader = Grader(id="id", columns=probability_per_class("id"), rows=divided_by_sum, metric=kaggle_log_loss)
    assert grader.score(submission((0.1, 0.3), (0.2, 0.2)), ANSWERS) == pytest.approx(-(np.log(0.75) + np.log(0.5)) / 2)
    with pytest.raises(InvalidSubmission, match=r"sum to a value that is positive.*id 'p'"):
        grader.score(submission((0.1, 0.3), (0.0, 0.0)), ANSWERS)


@pytest.mark.parametrize(("metric", "cost"), [(log_loss, 36.04365), (kaggle_log_loss, 34.53878)])
def test_a_certain_error_costs_what_the_clipping_allows(metric, cost: float) -> None:
    assert metric(np.array([[0, 1]]), np.array([[1.0, 0.0]])) == pytest.approx(cost, abs=1e-5)
    assert metric(np.array([1]), np.array([0.0])) == pytest.approx(cost, abs=1e-5)


def test_a_metric_of_tables_gets_the_columns_as_the_rule_makes_them() -> None:
    tables = Grader(
        id="id", columns=probability_per_class("id"), rows=divided_by_sum, table_metric=lambda answers, table: table["cat"].sum()
    )
    assert tables.score(submission((0.1, 0.3), (0.2, 0.2)), ANSWERS) == pytest.approx(0.25 + 0.5)


@pytest.mark.parametrize(
    ("tolerance", "value", "shown"), [(5e-7, 0.500001, "1.000001"), (1e-12, 0.5 + 1e-10, "1.0000000001"), (1.1e-5, 0.4, "0.9")]
)
def test_a_wrong_sum_is_shown_with_the_digits_that_make_it_wrong(tolerance: float, value: float, shown: str) -> None:
    with pytest.raises(InvalidSubmission, match=rf"1 of 1 row do not sum to a value .*; the first sum is {shown} \(id 'p'\)"):
        sum_to_one(tolerance)(np.array([[0.5, value]]), pd.Series(["p"]))


def test_numbers_whose_sum_overflows_are_refused_without_a_warning() -> None:
    with (
        warnings.catch_warnings(),
        pytest.raises(InvalidSubmission, match="positive and finite; the first sum is inf"),
    ):
        warnings.simplefilter("error")
        divided_by_sum(np.array([[1e308, 1e308, 1e308]]), pd.Series(["p"]))
