"""Answers that many submissions are graded against: what grading needs is computed once and cached.

A check receives only the `PublicPart`, from which no answer is reachable.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from grading.extent import Extent
from grading.known_ids import KnownIds
from grading.submission import AskedIds, are_plain

if TYPE_CHECKING:
    from grading.columns import Column

_MOST_UNGRADED_ROWS = 5_000_000


@dataclass(frozen=True)
class PublicPart:
    """What a check may see besides the submission.

    Attributes:
        known: the id columns and the public values of the answers.
        columns: the kind of each submitted column.
        id_columns: the columns that identify a row.
        asked: the ids of `known`; None if they are determined for each submission (see `Grader.adapt`).
        graded: the ids that are graded, if a submission may hold only these.
    """

    known: pd.DataFrame
    columns: Mapping[str, Column]
    id_columns: tuple[str, ...]
    asked: AskedIds | None
    graded: pd.DataFrame | None

    @functools.cached_property
    def extent(self) -> Extent:
        """How large a submission file may be."""
        return Extent(
            columns=(*self.id_columns, *self.columns),
            # a correct submission has one row per id
            most_rows=2 * len(self.known) + 10_000 if self.graded is None else _MOST_UNGRADED_ROWS,
            longest_cell=max(kind.most_characters for kind in self.columns.values()),
            rows=self._rows,
        )

    @functools.cached_property
    def ids(self) -> AskedIds:
        """The ids of `known`, unchanged."""
        return AskedIds(self.known, self.id_columns) if self.asked is None else self.asked

    @functools.cached_property
    def known_ids(self) -> KnownIds | None:
        """The ids for matching a file while it is read; None if that is not possible."""
        return None if self.asked is None else KnownIds.of(self.asked.plain, self.id_columns)

    def _rows(self) -> int | None:
        return len(self.known) if self.graded is None else None


class PreparedAnswers:
    """Answers prepared for one grader by `Grader.prepare`.

    Metrics receive copies and cannot change them.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        grader: object,
        public_part: Callable[[pd.DataFrame], PublicPart],
        truth: Callable[[pd.DataFrame, PublicPart], Any],
    ) -> None:
        """Store the answers; everything is computed lazily.

        Args:
            table: all of the answers.
            grader: the grader they are prepared for.
            public_part: extracts from the table what a check may see.
            truth: derives from the table what the metric receives, or raises `ValueError`.
        """
        self.grader = grader
        self._table, self._public_part, self._make_truth = table, public_part, truth
        self._kept_truth: np.ndarray | None = None
        self._is_asked_again = False

    @functools.cached_property
    def public(self) -> PublicPart:
        """What a check may see."""
        return self._public_part(self._table)

    def table(self) -> pd.DataFrame:
        """A copy of the answers, with rows numbered from 0."""
        return self._table.reset_index(drop=True)

    def truth(self) -> Any:
        """What the metric receives; the metric may modify it.

        Raises:
            ValueError: the answers do not fit the grader.
        """
        if self._kept_truth is not None:
            return self._kept_truth.copy(order="K")
        truth = self._make_truth(self.table(), self.public)
        # for a single submission a copy is not worth it, and only arrays can be copied safely
        if self._is_asked_again and type(truth) is np.ndarray:
            self._kept_truth = truth.copy(order="K")
        self._is_asked_again = True
        return truth


def asked_of(known: pd.DataFrame, id_columns: tuple[str, ...]) -> tuple[pd.DataFrame, AskedIds]:
    """A table with unique ids, rows numbered from 0, and its ids."""
    if not all(are_plain(known[column]) for column in id_columns):
        # other cells may be equal but written differently
        known = known.drop_duplicates([*id_columns], ignore_index=True)
    asked = AskedIds(known, id_columns)
    return asked.once(known), asked
