"""Competitions whose form is made of what is public in their answers: it is the same for other answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from grading import Grader, InvalidSubmission
from mlebench.registry import Registry

from .folders import module


def test_the_form_of_a_notebook_is_its_cells_in_no_order() -> None:
    grade = module("AI4Code", "grade")
    answers = pd.DataFrame({"id": ["n", "m"], "cell_order": ["c a b", "e d"]})
    pd.testing.assert_frame_equal(
        grade.cells_of_notebooks(answers), grade.cells_of_notebooks(answers.assign(cell_order=["b a c", "d e"]))
    )
    for cells, words in (("a b", "missing or repeated"), ("a b b", "missing or repeated"), ("a b x", "'x' is not one of them")):
        with pytest.raises(InvalidSubmission, match=f"row 'n' must list each cell of its notebook once; .*{words}"):
            grade.grader.check(pd.DataFrame({"id": ["n", "m"], "cell_order": [cells, "d e"]}), answers)


def test_the_form_of_a_batch_is_the_items_that_are_labelled_already() -> None:
    grade = module("research-active-batch", "grade")
    tasks = [
        grade.Task(np.zeros((3, 1)), np.array(labels), np.array([0, 1]), np.zeros((1, 1)), np.array([0]), 2, 0.5, accuracy)
        for labels, accuracy in (([0, 1, 0], 0.9), ([1, 0, 1], 0.6))
    ]
    public = [
        grade.seeds_of_tasks(pd.DataFrame({"row_id": ["t-0"], "name": "t", "item": item, "task": [task]}))
        for item, task in enumerate(tasks)
    ]
    pd.testing.assert_frame_equal(*public)


def osic() -> Grader:
    return Registry(edition="v1").get_competition("osic-pulmonary-fibrosis-progression").grader


def test_an_empty_cell_of_a_graded_week_is_scored_as_any_other_wrong_one() -> None:
    weeks = [f"p_{week}" for week in range(5)]
    answers = pd.DataFrame({"Patient_Week": weeks, "Patient": "p", "Weeks": range(5), "FVC": [np.nan, 2000, np.nan, 2100, 2200]})
    best = pd.DataFrame({"Patient_Week": weeks, "FVC": [2000.0, 2000, 2000, 2100, 2200], "Confidence": 70.0})
    for week in range(5):
        empty = best.assign(FVC=best["FVC"].mask(best.index == week))
        osic().check(empty, answers)
        wrong = best.assign(FVC=best["FVC"].mask(best.index == week, 9000))
        assert osic().score(empty, answers) == osic().score(wrong, answers)


def test_leaving_a_customer_out_does_not_tell_a_buyer(tmp_path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "public").mkdir()
    (tmp_path / "private" / "answers.csv").write_text("customer_id,prediction\nb,11\nd,12 13\n")
    (tmp_path / "public" / "sample_submission.csv").write_text("customer_id,prediction\nc,1\nb,1\na,1\nd,1\n")
    grader = Registry(edition="v1").get_competition("h-and-m-personalized-fashion-recommendations").grader
    answers = grader.read(tmp_path / "private" / "answers.csv")
    everybody = pd.DataFrame({"customer_id": list("abcd"), "prediction": ["1", "11", "", "12"]})
    assert grader.score(everybody, answers) == pytest.approx((1 + 0.5) / 2)
    assert grader.score(everybody.iloc[[1, 3]], answers) == grader.score(everybody, answers)
    words = set()
    for left_out in range(4):
        with pytest.raises(InvalidSubmission) as caught:
            grader.check(everybody.drop(index=left_out), answers)
        words.add(str(caught.value))
    assert len(words) == 1
