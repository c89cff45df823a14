"""What grade functions written for the published harness import: `mlebench.competitions.utils` and `mlebench.metrics`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

import mlebench.metrics
from grading import InvalidSubmission
from grading.metrics.classification import accuracy
from mlebench.competitions.utils import (
    df_to_one_hot,
    one_hot_dfs_to_log_loss_inputs,
    prepare_for_accuracy_metric,
    prepare_for_auroc_metric,
    rle_decode,
    rle_encode,
)

ANSWERS = pd.DataFrame({"id": [1, 2, 3, 4], "y": [0, 1, 1, 0]})
GUESSES = pd.DataFrame({"id": [4, 3, 2, 1], "y": [0.1, 0.9, 0.4, 0.6]})


def test_labels_are_matched_by_id() -> None:
    inputs = prepare_for_accuracy_metric(GUESSES.round(), ANSWERS, target_column="y", id_column="id")
    assert accuracy_score(**inputs) == 0.5
    truth, prediction = inputs
    assert (list(truth), list(prediction)) == ([0, 1, 1, 0], [1, 0, 1, 0])


def test_probabilities_are_matched_by_id() -> None:
    inputs = prepare_for_auroc_metric(submission=GUESSES, answers=ANSWERS, id_col="id", target_col="y")
    assert roc_auc_score(y_true=inputs["y_true"], y_score=inputs["y_score"]) == roc_auc_score(**inputs) == 0.75


@pytest.mark.parametrize(
    "broken",
    [GUESSES.drop(columns="y"), GUESSES.drop(columns="id"), GUESSES.head(2), GUESSES.assign(id=[1, 1, 2, 3]),
     GUESSES.assign(y="high"), GUESSES.assign(y=[0.1, 0.2, 1.2, 0.3]), GUESSES.assign(y=[0.1, None, 0.2, 0.3])],
)  # fmt: skip
def test_what_cannot_be_matched_is_an_invalid_submission(broken: pd.DataFrame) -> None:
    with pytest.raises(InvalidSubmission):
        prepare_for_auroc_metric(broken, ANSWERS, "id", "y")


def test_classes_become_columns_and_are_matched_by_id_and_name() -> None:
    labels = pd.DataFrame({"id": ["a", "b"], "author": ["MWS", "EAP"]}, index=[7, 8])
    answers = df_to_one_hot(labels, "id", "author", classes=["EAP", "HPL", "MWS"])
    assert answers.to_dict("list") == {"id": ["a", "b"], "EAP": [0, 1], "HPL": [0, 0], "MWS": [1, 0]}
    submission = pd.DataFrame({"MWS": [0.2, 0.7], "id": ["b", "a"], "EAP": [0.5, 0.1], "HPL": [0.3, 0.2]})
    inputs = one_hot_dfs_to_log_loss_inputs(submission, answers, id_column="id", apply_softmax=False)
    assert log_loss(**inputs) == pytest.approx(-(np.log(0.7) + np.log(0.5)) / 2)
    even = one_hot_dfs_to_log_loss_inputs(submission.assign(MWS=1e3, EAP=1e3, HPL=1e3), answers, "id", True)
    assert log_loss(**even) == pytest.approx(np.log(3))
    with pytest.raises(ValueError, match="'Poe'"):
        df_to_one_hot(labels.assign(author="Poe"), "id", "author", ["EAP"])


def test_masks_are_counted_from_one_down_the_columns() -> None:
    mask = np.array([[0, 1, 0], [0, 1, 1]], dtype=bool)
    assert rle_encode(mask) == "3 2 6 1"
    assert (rle_decode("3 2 6 1", height=2, width=3) == mask).all()
    assert not rle_decode(" ", 2, 3).any()
    assert rle_decode("6 9", 2, 3).sum() == 1
    for broken in ("3", "a b", "3 2 1 1", "0 1", float("nan")):
        with pytest.raises(InvalidSubmission):
            rle_decode(broken, 2, 3)  # type: ignore[arg-type]


def test_metrics_are_found_by_name() -> None:
    assert mlebench.metrics.accuracy is accuracy
    assert not hasattr(mlebench.metrics, "no_such_metric")
    with pytest.raises(ImportError, match="no_such_metric"):
        from mlebench.metrics import no_such_metric  # noqa: F401
