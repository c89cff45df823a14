"""Sampled classifiers: the two halves of the loss by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from grading import InvalidSubmission

from .folders import module

grade, classifiers = (module("research-shift-synthetic", name) for name in ("grade", "sampled_classifiers"))
CLASSES, FUNCTIONS = classifiers.CLASSES, classifiers.FUNCTIONS


@pytest.fixture
def shifted() -> pd.DataFrame:
    labels = [0, 1, 2, 3, -1, -1, 4, 5]
    kinds = ["noise", "noise", "moved", "moved", "none", "none", "none", "none"]
    return pd.DataFrame(
        {"row_id": list("abcdefgh"), "label": labels, "kind": kinds, "pair": [0, 0, 1, 1, -1, -1, -1, -1],
         "base_loss": 10.0, "base_detection": 0.5}
    )  # fmt: skip


def test_labels_themselves_score_0_and_half_of_each_part_counts(shifted: pd.DataFrame) -> None:
    grader = grade.grader
    best = grade.labels_themselves(shifted)
    assert grader.score(best, shifted) == pytest.approx(0, abs=1e-9)
    blind = best.assign(unknown=0.0)
    assert classifiers.detection(shifted, np.zeros(8)) == 0.5
    assert grader.score(blind, shifted) == pytest.approx(0.5)
    uniform = classifiers.class_table(shifted["row_id"], np.full((8, 1, CLASSES), 1 / CLASSES), best["unknown"].to_numpy())
    assert classifiers.joint_loss(shifted, np.full((8, FUNCTIONS, CLASSES), 1 / CLASSES)) == pytest.approx(10 * math.log(CLASSES))
    assert grader.score(uniform, shifted) == pytest.approx(0.5 * math.log(CLASSES), rel=1e-5)


def test_functions_without_any_probability_are_refused(shifted: pd.DataFrame) -> None:
    empty = grade.labels_themselves(shifted)
    empty.loc[2, [f"s3_p{number}" for number in range(CLASSES)]] = 0.0
    with pytest.raises(InvalidSubmission, match=r"`s3_p0` to `s3_p7`: all probabilities .* \(id 'c'\)"):
        grade.grader.score(empty, shifted)
