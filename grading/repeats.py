"""Ids that stand in several rows of a test set: told apart by number, so that rows can be matched all the same."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from grading.submission import id_text, id_text_like
from grading.wording import ID_SEPARATOR


def tell_repeats_apart(
    id: str, by: str | None = None
) -> Callable[[pd.DataFrame, pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]]:
    """For `Grader.adapt`: the k-th row of an id in the submission belongs to its k-th row in the answers.

    Rows beyond those of the answers stay repeated, and so are refused.

    Args:
        id: the id column.
        by: a column, `public` in the answers, by which rows of one id are numbered, where the submission holds it as the answers
            do; the order in the file decides else.
    """

    def adapt(submission: pd.DataFrame, answers: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        if id not in submission:
            return submission, answers
        submitted_ids = id_text_like(answers, submission, (id,))
        # no id that a file holds can pass for a numbered one
        submitted_ids = submitted_ids.str.replace(ID_SEPARATOR, 2 * ID_SEPARATOR, regex=False)
        submission = submission.assign(**{id: submitted_ids}).reset_index(drop=True)
        answers = answers.assign(**{id: id_text(answers, (id,))}).reset_index(drop=True)
        times = answers[id].value_counts()
        submitted, expected = (table[table[id].map(times) > 1] for table in (submission, answers))
        if by is not None and _same_pairs(submitted, expected, [id, by]):
            submitted, expected = (rows.sort_values(by, kind="stable") for rows in (submitted, expected))
        return _numbered(submission, submitted, id, times), _numbered(answers, expected, id, times)

    return adapt


def _numbered(table: pd.DataFrame, repeats: pd.DataFrame, id: str, times: pd.Series) -> pd.DataFrame:
    """The table with a number in the id of each of its `repeats` but the first, counted in their order."""
    number = repeats.groupby(id).cumcount().clip(upper=repeats[id].map(times) - 1)
    told_apart = repeats[id] + number.map(lambda k: f"{ID_SEPARATOR}row {k + 1:.0f}" if k > 0 else "")
    return table.assign(**{id: told_apart.reindex(table.index).fillna(table[id])})


def _same_pairs(submission: pd.DataFrame, answers: pd.DataFrame, columns: list[str]) -> bool:
    if not set(columns) <= set(submission):
        return False
    counts = [id_text(rows, tuple(columns)).value_counts().sort_index() for rows in (submission, answers)]
    return counts[0].equals(counts[1])
