"""Helpers that grade and prepare functions written for the published harness import.

Each checks a submission as those functions rely on and hands arrays to a metric; see `grading` for graders of this harness.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from grading.invalid import InvalidSubmission
from grading.metrics import run_length
from mlebench.utils import get_logger, read_csv

__all__ = [
    "df_to_one_hot",
    "get_logger",
    "one_hot_dfs_to_log_loss_inputs",
    "prepare_for_accuracy_metric",
    "prepare_for_auroc_metric",
    "read_csv",
    "rle_decode",
    "rle_encode",
]


class MetricInputs:
    """Truth and prediction for a metric of scikit-learn: `metric(**inputs)`, or `truth, prediction = inputs`."""

    def __init__(self, **arrays: np.ndarray) -> None:
        """Keep two arrays, the truth first, under the names that the metric gives them."""
        self._arrays: Mapping[str, np.ndarray] = arrays

    def keys(self) -> Sequence[str]:
        """The names."""
        return list(self._arrays)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._arrays[name]

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self._arrays.values())


def prepare_for_accuracy_metric(
    submission: pd.DataFrame, answers: pd.DataFrame, target_column: str, id_column: str
) -> MetricInputs:
    """Labels, row by row of the same id, as `y_true` and `y_pred`.

    Raises:
        InvalidSubmission: a column is missing, or the ids differ.
    """
    submission, answers = _aligned(submission, answers, id_column, [target_column])
    return MetricInputs(y_true=answers[target_column].to_numpy(), y_pred=submission[target_column].to_numpy())


def prepare_for_auroc_metric(submission: pd.DataFrame, answers: pd.DataFrame, id_col: str, target_col: str) -> MetricInputs:
    """Labels and probabilities, row by row of the same id, as `y_true` and `y_score`.

    Raises:
        InvalidSubmission: a column is missing, the ids differ, or a prediction is not a number from 0 to 1.
    """
    submission, answers = _aligned(submission, answers, id_col, [target_col])
    scores = pd.to_numeric(submission[target_col], errors="coerce")
    if not scores.between(0, 1).all():
        raise InvalidSubmission(f"the column {target_col!r} must contain numbers from 0 to 1")
    return MetricInputs(y_true=answers[target_col].to_numpy(), y_score=scores.to_numpy())


def one_hot_dfs_to_log_loss_inputs(
    submission: pd.DataFrame, answers: pd.DataFrame, id_column: str = "id", apply_softmax: bool = True
) -> MetricInputs:
    """One column for each class, row by row of the same id, as `y_true` (0 and 1) and `y_pred`.

    Args:
        submission: the id and a column for each class, in any order.
        answers: the same, which settles the order of the columns.
        id_column: the column of the ids.
        apply_softmax: turn the values of a row into probabilities; without it they are taken as they are.

    Raises:
        InvalidSubmission: a column is missing, the ids differ, or a value is not a number.
    """
    classes = [column for column in answers.columns if column != id_column]
    submission, answers = _aligned(submission, answers, id_column, classes)
    values = submission[classes].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    if not np.isfinite(values).all():
        raise InvalidSubmission("every class needs a number in every row")
    if apply_softmax:
        from scipy.special import softmax

        values = softmax(values, axis=1)
    return MetricInputs(y_true=answers[classes].to_numpy(), y_pred=values)


def df_to_one_hot(df: pd.DataFrame, id_column: str, class_column: str, classes: Sequence[Any]) -> pd.DataFrame:
    """A table of the ids with a column of 0 and 1 for each of `classes`.

    Raises:
        ValueError: a label is not one of the classes.
    """
    if unknown := set(df[class_column]) - set(classes):
        raise ValueError(f"{sorted(map(str, unknown))[0]!r} in {class_column!r} is not one of the classes")
    columns = {name: (df[class_column] == name).astype(int) for name in classes}
    return pd.DataFrame({id_column: df[id_column], **columns}).reset_index(drop=True)


def rle_decode(rle_string: str, height: int, width: int) -> np.ndarray:
    """The mask (height × width, booleans) of `start length start length …`, counted from 1 down the columns.

    Raises:
        InvalidSubmission: the runs are malformed, unsorted or overlapping; runs beyond the image are cut.
    """
    if not isinstance(rle_string, str):
        raise InvalidSubmission(f"a run-length encoding is text, not {type(rle_string).__name__}")
    (runs,) = run_length.parse_column([rle_string], height * width, cut=True)
    return run_length.decode(runs, (height, width))


def rle_encode(mask: np.ndarray) -> str:
    """The runs of a mask, `start length start length …`, counted from 1 down the columns."""
    return run_length.encode(np.asarray(mask, dtype=bool))


def _aligned(
    submission: pd.DataFrame, answers: pd.DataFrame, id_column: str, columns: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables sorted by id, with the columns that are needed."""
    for column in (id_column, *columns):
        if column not in submission.columns:
            raise InvalidSubmission(f"the column {column!r} is missing")
    if len(submission) != len(answers):
        raise InvalidSubmission(f"it has {len(submission):,} rows, expected {len(answers):,}")
    submission, answers = (table.sort_values(id_column).reset_index(drop=True) for table in (submission, answers))
    if not np.array_equal(submission[id_column].to_numpy(), answers[id_column].to_numpy()):
        raise InvalidSubmission(f"the ids in {id_column!r} do not match the test set")
    return submission, answers
