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
        by: a column by which rows of one id are numbered, where a table has it; their order in the file decides else.
    """

    def numbered(table: pd.DataFrame, times: pd.Series) -> pd.DataFrame:
        ids = table[id].astype(str)
        ordered = table.sort_values(by, kind="stable") if by is not None and by in table else table
        number = ordered.groupby(id, dropna=False).cumcount().reindex(table.index)
        number = number.clip(upper=ids.map(times).fillna(1) - 1)
        return table.assign(**{id: ids + number.map(lambda k: f"\x1frow {k + 1:.0f}" if k > 0 else "")})

    def adapt(submission: pd.DataFrame, answers: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        if id not in submission:
            return submission, answers
        times = answers[id].astype(str).value_counts()
        return numbered(submission.reset_index(drop=True), times), numbered(answers.reset_index(drop=True), times)

    return adapt
