"""Ids that stand in several rows of a test set: told apart by number, so that rows can be matched all the same."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd


def tell_repeats_apart(
    id: str, by: str | None = None
) -> Callable[[pd.DataFrame, pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]]:
    """For `Grader.adapt`: the k-th row of an id in the submission belongs to its k-th row in the answers.

    Rows beyond those of the answers stay repeated, and so are refused.

    Args:
        id: the id column.
        by: a column by which rows of one id are numbered, where the submission holds it as the answers do; the order in the file
            decides else.
    """

    def numbered(table: pd.DataFrame, times: pd.Series, by: str | None) -> pd.DataFrame:
        ids = table[id].astype(str)
        ordered = table.sort_values(by, kind="stable") if by else table
        number = ordered.groupby(id, dropna=False).cumcount().reindex(table.index)
        number = number.clip(upper=ids.map(times).fillna(1) - 1)
        return table.assign(**{id: ids + number.map(lambda k: f"\x1frow {k + 1:.0f}" if k > 0 else "")})

    def adapt(submission: pd.DataFrame, answers: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        if id not in submission:
            return submission, answers
        times = answers[id].astype(str).value_counts()
        order = by if by is not None and _same_pairs(submission, answers, [id, by]) else None
        return numbered(submission.reset_index(drop=True), times, order), numbered(answers.reset_index(drop=True), times, order)

    return adapt


def _same_pairs(submission: pd.DataFrame, answers: pd.DataFrame, columns: list[str]) -> bool:
    if not set(columns) <= set(submission):
        return False
    counts = [table[columns].astype(str).value_counts().sort_index() for table in (submission, answers)]
    return counts[0].equals(counts[1])
