"""Ids that fill several rows of a test set: numbered so that rows can still be matched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from grading.submission import are_alike, id_text, id_text_like
from grading.wording import ID_SEPARATOR


@dataclass(frozen=True)
class RepeatsApart:
    """Numbers the rows of one id; made by `tell_repeats_apart`."""

    id: str
    by: str | None

    def __call__(self, submission: pd.DataFrame, answers: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Both tables with ids that are unique per row."""
        if self.id not in submission:
            return submission, answers
        submitted_ids = id_text_like(answers, submission, (self.id,))
        if any(ID_SEPARATOR in submitted for submitted in submitted_ids.tolist()):
            # no id in a file can be mistaken for a numbered one
            submitted_ids = submitted_ids.str.replace(ID_SEPARATOR, 2 * ID_SEPARATOR, regex=False)
        submission = submission.assign(**{self.id: submitted_ids}).reset_index(drop=True)
        answers = answers.assign(**{self.id: id_text(answers, (self.id,))}).reset_index(drop=True)
        codes, known = pd.factorize(answers[self.id])
        submitted_codes = pd.Index(known).get_indexer(pd.Index(submission[self.id]))
        # the last one is for unknown ids
        times = np.append(np.bincount(codes), 0)
        submitted, expected = (np.flatnonzero(times[of_rows] > 1) for of_rows in (submitted_codes, codes))
        if self.by is not None and _same_pairs(submission.iloc[submitted], answers.iloc[expected], [self.id, self.by]):
            submitted, expected = (
                table.iloc[rows].sort_values(self.by, kind="stable").index.to_numpy()
                for table, rows in ((submission, submitted), (answers, expected))
            )
        return (
            _numbered(submission, self.id, submitted, submitted_codes, times),
            _numbered(answers, self.id, expected, codes, times),
        )

    def are_in_order(self, submission: pd.DataFrame, answers: pd.DataFrame) -> bool:
        """Whether each row of the submission certainly belongs to the row of the answers in its place."""
        names = [self.id] if self.by is None or self.by not in submission else [self.id, self.by]
        return all(are_alike(answers[name], submission[name]) for name in names)


def tell_repeats_apart(id: str, by: str | None = None) -> RepeatsApart:
    """For `Grader.adapt`: the k-th row of an id in the submission belongs to its k-th row in the answers.

    Rows beyond those of the answers stay repeated and are therefore rejected.

    Args:
        id: the id column.
        by: a column, `public` in the answers, by which rows of one id are numbered if the submission has it as the answers
            do; otherwise the file order decides.
    """
    return RepeatsApart(id, by)


def _numbered(table: pd.DataFrame, id: str, repeats: np.ndarray, codes: np.ndarray, times: np.ndarray) -> pd.DataFrame:
    """The table with a number appended to the id of each of its `repeats` but the first, in order.

    Args:
        repeats: places of rows.
        codes: the number of each row's id.
        times: how often the answers hold the id of each number.
    """
    of_repeats = codes[repeats]
    number = np.minimum(pd.Series(of_repeats).groupby(of_repeats).cumcount().to_numpy(), times[of_repeats] - 1)
    endings = np.array(["", *(f"{ID_SEPARATOR}row {k + 1}" for k in range(1, times.max(initial=0)))], dtype=object)
    ids = table[id].to_numpy(dtype=object, copy=True)
    ids[repeats] += endings[number]
    return table.assign(**{id: ids})


def _same_pairs(submission: pd.DataFrame, answers: pd.DataFrame, columns: list[str]) -> bool:
    if not set(columns) <= set(submission):
        return False
    counts = [id_text(rows, tuple(columns)).value_counts().sort_index() for rows in (submission, answers)]
    return counts[0].equals(counts[1])
