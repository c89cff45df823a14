"""Graders as programs written for the published harness call them: a score or None, a function by its place, a leaderboard."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from grading import Grader, InvalidSubmission, Real, RunLengths
from grading.metrics.regression import mae
from grading.published_grader import PublishedGrader, import_function

ANSWERS = pd.DataFrame({"id": ["a", "b", "c"], "y": [1.0, 2.0, 3.0]})
declared = Grader(id="id", columns={"y": Real()}, metric=mae, name="MAE")


def function_of(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    if "y" not in submission:
        raise InvalidSubmission("the column y is missing")
    return float((submission["y"] - answers["y"]).abs().mean())


each_grader = pytest.mark.parametrize("grader", [declared, PublishedGrader("MAE", function_of)], ids=["declared", "function"])


@each_grader
def test_a_call_gives_the_score_with_five_decimals_and_score_gives_it_whole(grader: PublishedGrader) -> None:
    submission = ANSWERS.assign(y=[1.0, 2.0, 4.0])
    assert grader(submission, ANSWERS) == 0.33333
    assert grader.score(submission, ANSWERS) == grader.grade_fn(submission, ANSWERS) == pytest.approx(1 / 3, abs=1e-12)


def test_ids_that_are_numbers_name_rows_as_well() -> None:
    masks = Grader(id="id", columns={"y": RunLengths(9)}, metric=lambda truth, prediction: float(len(prediction)))
    answers = pd.DataFrame({"id": [1, 2], "y": ["1 2", "3 1"]})
    assert masks(answers, answers) == 2.0


@each_grader
def test_a_call_gives_none_for_an_invalid_submission_and_logs_why(
    grader: PublishedGrader, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = ANSWERS.drop(columns="y")
    assert grader(wrong, ANSWERS) is None
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("Invalid submission: ")
    with pytest.raises(InvalidSubmission, match="y"):
        grader.score(wrong, ANSWERS)


@each_grader
def test_a_call_gives_none_where_the_grader_fails_and_logs_the_traceback(
    grader: PublishedGrader, caplog: pytest.LogCaptureFixture
) -> None:
    assert grader(ANSWERS, ANSWERS.drop(columns="y")) is None
    assert "Unexpected error" in caplog.text
    assert "Traceback" in caplog.text


@each_grader
def test_a_grader_tells_its_metric(grader: PublishedGrader) -> None:
    assert grader.name == "MAE"
    assert isinstance(grader, PublishedGrader)


def test_a_grader_is_read_from_a_name_and_the_place_of_a_function() -> None:
    grader = PublishedGrader.from_dict({"name": "error", "grade_fn": f"{__name__}:function_of"})
    assert (grader.name, grader(ANSWERS, ANSWERS)) == ("error", 0.0)
    assert Grader.from_dict({"name": "error", "grade_fn": function_of}).grade_fn is function_of


@pytest.mark.parametrize("data", [{}, {"name": "x"}, {"grade_fn": "a:b"}, {"name": "x", "grade_fn": "no.colon"}])
def test_a_grader_without_name_or_function_is_refused(data: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"needs|form"):
        PublishedGrader.from_dict(data)


@pytest.mark.parametrize("place", ["grading.no_such_module:x", f"{__name__}:no_such_function"])
def test_a_place_without_a_function_is_an_import_error(place: str) -> None:
    with pytest.raises(ImportError):
        import_function(place)


@each_grader
def test_a_grader_places_scores_on_a_leaderboard(grader: PublishedGrader) -> None:
    board = pd.DataFrame({"score": np.linspace(1, 0.01, 100)})
    place = grader.rank_score(0.95, board)
    assert not grader.is_lower_better(board)
    assert place["gold_medal"] and not place["silver_medal"] and place["above_median"]
    assert place["gold_threshold"] == pytest.approx(0.91)
    assert grader.is_lower_better(board.iloc[::-1])
    assert grader.rank_score(None, board)["above_median"] is False


def test_a_direction_that_is_known_needs_no_leaderboard() -> None:
    assert PublishedGrader("MAE", function_of, lower_is_better=True).is_lower_better()
    with pytest.raises(ValueError, match="direction is unknown"):
        PublishedGrader("MAE", function_of).is_lower_better()
