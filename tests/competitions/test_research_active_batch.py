"""Batches: what the fixed learner makes of them, and items that are of no use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from grading import InvalidSubmission

from .folders import module

grade, learner = (module("research-active-batch", name) for name in ("grade", "learner"))
BUDGET = module("research-active-batch", "sizes").BUDGET


def batch_task() -> tuple[pd.DataFrame, Any]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 2))
    labels = (x[:, 0] > 0).astype(int)
    features = learner.random_features(x, rng.standard_normal((2, 10)), np.zeros(10))
    task = grade.Task(features[:200], labels[:200], np.array([0, 1]), features[200:], labels[200:], 2, 0.6, 1.0)
    answers = pd.DataFrame({"row_id": [f"t-{k}" for k in range(BUDGET)], "name": "t", "item": 0, "task": [task] * BUDGET})
    return answers, task


def test_batches_are_judged_by_what_the_learner_makes_of_them() -> None:
    answers, task = batch_task()
    good = answers[["row_id"]].assign(item=range(2, BUDGET + 2))
    assert grade.grader.score(good, answers) > 0.5
    one_class = np.flatnonzero(task.labels == 1)[:60].tolist() + np.flatnonzero(task.labels == 0)[:40].tolist()
    unseeded = [item for item in one_class if item > 1]
    spare = [item for item in range(2, 200) if item not in unseeded][: BUDGET - len(unseeded)]
    shuffled = answers[["row_id"]].assign(item=[*unseeded, *spare])
    assert grade.grader.score(shuffled, answers) == grade.grader.score(
        shuffled.assign(item=shuffled["item"].to_numpy()[::-1]), answers
    )


@pytest.mark.parametrize(("item", "message"), [(5, "listed twice"), (1, "already labelled"), (9999, "at most")])
def test_useless_items_are_refused(item: int, message: str) -> None:
    answers, _ = batch_task()
    submission = answers[["row_id"]].assign(item=[*range(2, BUDGET + 1), item])
    with pytest.raises(InvalidSubmission, match=message):
        grade.grader.score(submission, answers)


@pytest.mark.parametrize(("rows", "columns"), [(60, 4), (20, 50)])
def test_the_learner_finds_the_optimum(rows: int, columns: int) -> None:
    rng = np.random.default_rng(0)
    features, labels = rng.standard_normal((rows, columns)) * np.sqrt(4 / columns), rng.integers(3, size=rows)
    weights = learner.fit_softmax(features, labels, 3)
    logits = features @ weights
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    gradient = features.T @ (p - np.eye(3)[labels]) + weights
    assert np.abs(gradient).max() < 0.01
