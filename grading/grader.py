"""A grader: what a submission must look like and how it is scored."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from grading.columns import Column, Probability, refuse
from grading.extent import Extent
from grading.invalid import RefusedCells
from grading.published_grader import GradeFunction, PublishedGrader
from grading.rows import RowRule
from grading.submission import Aligned, InvalidSubmission, align, id_text
from grading.table import Wanted, read_answers, read_submission

Columns = Mapping[str, Column] | Callable[[pd.DataFrame], Mapping[str, Column]]

_MOST_UNGRADED_ROWS = 5_000_000
_LARGEST = 1e100


@dataclass(frozen=True, kw_only=True)
class Grader(PublishedGrader):
    """Scores a submission against the answers, row by row matched by id.

    Give either `metric`, which gets two arrays of the declared columns (1-D for one column, rows × columns for several), or
    `table_metric`, which gets the two aligned tables where a metric needs more than the declared columns.

    Attributes:
        id: the column, or columns, that identify a row.
        columns: the kind of each submitted column, or a function that tells them from the answers (one column per class).
        metric: `metric(truth, prediction) -> float`.
        table_metric: `table_metric(answers, submission) -> float`; `submission` holds the id columns and the parsed columns
            in the order of the answers' ids, `answers` is the whole table of answers.
        rows: what a row of several predicted columns must be together (see `grading.rows`): makes the metric's second argument of
            the predicted array and the ids, or raises `InvalidSubmission`.
        truth: makes the metric's first argument from the answers, where they do not hold the submitted columns themselves.
        adapt: changes submission and answers before their rows are matched, for instance to tell repeated ids apart.
        optional: columns beside the id and `columns` that `adapt` looks at where a submission has them.
        read_answers: reads the answers where they are no csv table.
        perfect: makes the best possible submission from the answers, where it is not just the same columns.
        missing_words: read cells of text that hold a word that pandas takes for a missing value (`NA`, `null`, …) as blank cells;
            `per_edition` sets this for v1, as published graders read with pandas' defaults.
        ungraded_ids: whether a submission may hold further ids, which are not graded, so that it does not tell which ones are.
        lower_is_better: direction of the score; the registry fills it in from `competition.yaml`.
        name: the metric's name, filled in likewise.
    """

    id: str | tuple[str, ...]
    columns: Columns
    metric: Callable[[np.ndarray, np.ndarray], float] | None = None
    table_metric: Callable[[pd.DataFrame, pd.DataFrame], float] | None = None
    rows: RowRule | None = None
    truth: Callable[[pd.DataFrame], np.ndarray] | None = None
    perfect: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    adapt: Callable[[pd.DataFrame, pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]] | None = None
    optional: tuple[str, ...] = ()
    read_answers: Callable[[Path], pd.DataFrame] | None = None
    missing_words: bool = False
    ungraded_ids: bool = False
    lower_is_better: bool | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if (self.metric is None) == (self.table_metric is None):
            raise TypeError("a Grader takes either `metric` or `table_metric`")
        if self.rows and not self.metric:
            raise TypeError("`rows` goes with `metric`")

    @property
    def grade_fn(self) -> GradeFunction:
        """`score`."""
        return self.score

    @property
    def id_columns(self) -> tuple[str, ...]:
        """The names of the id columns."""
        return (self.id,) if isinstance(self.id, str) else self.id

    def columns_of(self, answers: pd.DataFrame) -> Mapping[str, Column]:
        """The kind of each submitted column."""
        columns = self.columns(answers) if callable(self.columns) else self.columns
        return {name: kind.with_missing_words() for name, kind in columns.items()} if self.missing_words else columns

    def score(self, submission: pd.DataFrame, answers: pd.DataFrame) -> float:
        """Score a submission.

        Args:
            submission: one row per test id, in any order; extra columns are ignored.
            answers: the private answers.

        Returns:
            The score, not rounded.

        Raises:
            InvalidSubmission: if the submission cannot be scored; the message never shows an answer.
        """
        if self.adapt is not None:
            submission, answers = self.adapt(submission, answers)
        columns = self.columns_of(answers)
        aligned = align(submission, answers, self.id_columns, columns, ungraded_ids=self.ungraded_ids)
        parsed = {name: kind.parse(aligned.submission[name], aligned.ids) for name, kind in columns.items()}
        # whatever overflows is told by the score, which is then no number
        with np.errstate(all="ignore"):
            value = self._arrays(aligned, columns, parsed) if self.metric else self._frames(aligned, parsed)
        if not np.isfinite(value):
            _refuse_huge_numbers(aligned, parsed)
            raise ArithmeticError(f"the metric gave {value} for a submission that passed every check")
        return float(value)

    def score_file(self, path: Path, answers: pd.DataFrame) -> float:
        """Read a submission and score it; cells in messages are shown as the file holds them.

        Raises:
            InvalidSubmission: if the submission cannot be scored; the message never shows an answer.
            OSError: if the file cannot be read.
        """
        try:
            return self.score(self.read(path, answers), answers)
        except RefusedCells as refused:
            # parsed numbers do not tell how they were written
            self.score(self.read(path, answers, as_written=True), answers)
            raise refused

    def read(self, path: Path, answers: pd.DataFrame | None = None, *, as_written: bool = False) -> pd.DataFrame:
        """Read the graded columns of a submission (or, without `answers`, the answers themselves), text to the letter.

        Args:
            path: the csv file.
            answers: the answers, which tell how large a submission may be.
            as_written: keep all cells as text; otherwise numbers are parsed.

        Raises:
            InvalidSubmission: if the file is no csv table, is larger than a submission can be, or could be read in two ways.
        """
        if answers is not None:
            columns = self.columns_of(answers)
            return read_submission(path, self._wanted(columns), self._extent(columns, answers), as_written=as_written)
        if self.read_answers is not None:
            return self.read_answers(path)
        columns = {} if callable(self.columns) else self.columns
        return read_answers(path, self._wanted(columns).text)

    def _wanted(self, columns: Mapping[str, Column]) -> Wanted:
        text = [name for name, kind in columns.items() if kind.reads_text]
        numbers = [name for name, kind in columns.items() if not kind.reads_text]
        # a probability of one or zero says the same
        booleans = [name for name in numbers if isinstance(columns[name], Probability)]
        return Wanted((*self.id_columns, *text), tuple(numbers), self.optional, tuple(booleans))

    def _extent(self, columns: Mapping[str, Column], answers: pd.DataFrame) -> Extent:
        def rows() -> int | None:
            if self.ungraded_ids:
                return None
            return len(answers) if self.adapt else id_text(answers, self.id_columns).nunique()

        return Extent(
            columns=(*self.id_columns, *columns),
            # a correct submission has one row per id
            most_rows=_MOST_UNGRADED_ROWS if self.ungraded_ids else 2 * len(answers) + 10_000,
            longest_cell=max(kind.most_characters for kind in columns.values()),
            rows=rows,
        )

    def perfect_submission(self, answers: pd.DataFrame) -> pd.DataFrame:
        """The submission that gets the best possible score."""
        if self.perfect is not None:
            return self.perfect(answers)
        return answers[[*self.id_columns, *self.columns_of(answers)]]

    def for_edition(self, edition: str) -> Grader:
        """This grader: it is the same in every edition."""
        return self

    def _arrays(self, aligned: Aligned, columns: Mapping[str, Column], parsed: Mapping[str, np.ndarray]) -> float:
        assert self.metric is not None
        truth = self._true_values(aligned.answers, columns)
        prediction = _stacked(list(parsed.values()))
        if self.rows:
            prediction = self.rows(prediction, aligned.ids)
        return self.metric(truth, prediction)

    def _true_values(self, answers: pd.DataFrame, columns: Mapping[str, Column]) -> np.ndarray:
        ids = answers[self.id_columns[0]].astype(str)
        try:
            if self.truth:
                return self.truth(answers)
            return _stacked([kind.parse(answers[name], ids) for name, kind in columns.items()])
        except InvalidSubmission as error:
            # answers that do not fit are our fault, and this message shows them: it must not be told as the submission's
            raise ValueError(f"the answers do not fit the grader: {error}") from None

    def _frames(self, aligned: Aligned, parsed: Mapping[str, np.ndarray]) -> float:
        assert self.table_metric is not None
        submission = pd.concat([aligned.submission[list(self.id_columns)], pd.DataFrame(parsed)], axis=1)
        return self.table_metric(aligned.answers, submission)


@dataclass(frozen=True)
class EditionGraders:
    """The graders of a competition whose editions are scored differently."""

    v1: Grader
    v2: Grader

    def for_edition(self, edition: str) -> Grader:
        """The grader of `v1` or `v2`."""
        return self.v1 if edition == "v1" else self.v2


def per_edition(*, v1: Grader, v2: Grader) -> EditionGraders:
    """One grader for the published edition and one for the corrected one.

    Args:
        v1: as published; in cells of text it reads `NA`, `null` and the like as blanks (`Grader.missing_words`).
        v2: reads text to the letter. It may be the same grader.
    """
    return EditionGraders(dataclasses.replace(v1, missing_words=True), v2)


def _stacked(arrays: list[np.ndarray]) -> np.ndarray:
    return arrays[0] if len(arrays) == 1 else np.column_stack(arrays)


def _refuse_huge_numbers(aligned: Aligned, parsed: Mapping[str, np.ndarray]) -> None:
    """Refuse numbers that are finite and whose squares or sums are not."""
    for name, values in parsed.items():
        if values.dtype.kind == "f":
            refuse(np.abs(values) > _LARGEST, aligned.submission[name], aligned.ids, f"within ±{_LARGEST:g}")
