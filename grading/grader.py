"""A grader: what a submission must look like and how it is scored."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from grading.columns import Column, Probability
from grading.invalid import RefusedCells
from grading.prepared import PreparedAnswers, PublicPart, asked_of
from grading.published_grader import GradeFunction, PublishedGrader
from grading.repeats import RepeatsApart
from grading.rows import RowRule
from grading.submission import Aligned, AskedIds, InvalidSubmission, Rows, align
from grading.table import Wanted, read_answers, read_submission

Columns = Mapping[str, Column] | Callable[[pd.DataFrame], Mapping[str, Column]]
Public = tuple[str, ...] | Callable[[pd.DataFrame], pd.DataFrame]

Answers = pd.DataFrame | PreparedAnswers
"""The private answers as a table, or prepared for many submissions."""


class _Checked(NamedTuple):
    """A submission that passed every check, its rows in the order of the answers' ids."""

    ids: Callable[[], pd.DataFrame]
    """Builds the id columns, shape (ids, id columns)."""
    columns: Mapping[str, np.ndarray]
    """The parsed columns, shape (ids,) each."""


@dataclass(frozen=True, kw_only=True)
class Grader(PublishedGrader):
    """Scores a submission against the answers, row by row matched by id.

    Pass either `metric`, which receives two arrays of the declared columns (1-D for one column, rows × columns for several), or
    `table_metric`, which receives the two aligned tables, for metrics that need more than the declared columns.

    Validity is decided before the metric runs and without the answers: the check sees only their ids,
    their column names and the columns in `public`. So neither its messages nor its running time can depend on an answer.

    Attributes:
        id: the column, or columns, that identify a row.
        public: columns of the answers whose values are public (such as image sizes), or a function that builds a table of the
            id columns and public values from the answers. `columns` and `adapt` see no other values.
        columns: the kind of each submitted column, or a function that derives them from the public part of the answers (one
            column per class, masks of each image's size); all other values are NaN there.
        metric: `metric(truth, prediction) -> float`.
        table_metric: `table_metric(answers, submission) -> float`; `submission` holds the id columns and the parsed columns
            in the order of the answers' ids, `answers` is the whole table of answers.
        rows: a check of several predicted columns per row (see `grading.rows`): returns the columns that the metric
            receives, an array of the same shape, from the predicted array and the ids, or raises `InvalidSubmission`.
        truth: derives the metric's first argument from the answers, if they do not hold the submitted columns themselves.
        adapt: transforms the submission and the public part of the answers before their rows are matched, for example to number
            repeated ids; keeps the row order of the latter.
        optional: columns besides the id and `columns` that `adapt` uses if a submission has them.
        read_answers: reads the answers if they are not a csv table.
        tabulate: builds the table of answers for programs that pass the content of their file instead.
        perfect: builds the best possible submission from the answers, if it is not simply the same columns.
        missing_words: read text cells that pandas would take for a missing value (`NA`, `null`, …) as blank cells;
            `per_edition` sets this for v1, as published graders read with pandas' defaults.
        graded: marks the rows of the answers that are graded, if this must stay secret. A submission then holds all ids or
            just the graded ones, as published answers do, and may hold others; any other set of ids is rejected in the same
            words, whether it lacks graded ones or not.
        lower_is_better: direction of the score, set by the registry from `competition.yaml`.
        name: the metric's name, also set by the registry.
    """

    id: str | tuple[str, ...]
    columns: Columns
    public: Public = ()
    metric: Callable[[np.ndarray, np.ndarray], float] | None = None
    table_metric: Callable[[pd.DataFrame, pd.DataFrame], float] | None = None
    rows: RowRule | None = None
    truth: Callable[[pd.DataFrame], np.ndarray] | None = None
    perfect: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    adapt: Callable[[pd.DataFrame, pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]] | None = None
    optional: tuple[str, ...] = ()
    read_answers: Callable[[Path], pd.DataFrame] | None = None
    tabulate: Callable[[Any], pd.DataFrame] | None = None
    missing_words: bool = False
    graded: Callable[[pd.DataFrame], pd.Series] | None = None
    lower_is_better: bool | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if (self.metric is None) == (self.table_metric is None):
            raise TypeError("a Grader takes either `metric` or `table_metric`")

    @property
    def grade_fn(self) -> GradeFunction:
        """`score`."""
        return self.score

    @property
    def id_columns(self) -> tuple[str, ...]:
        """The names of the id columns."""
        return (self.id,) if isinstance(self.id, str) else self.id

    def prepare(self, answers: Answers) -> PreparedAnswers:
        """The answers, prepared for grading many submissions. Every method that takes answers also takes these.

        What is computed from them is cached on the first submission.

        Raises:
            ValueError: they were already prepared for another grader.
        """
        if not isinstance(answers, PreparedAnswers):
            return PreparedAnswers(self._table(answers), self, self._public_part, self._true_values)
        if answers.grader is not self and answers.grader != self:
            raise ValueError("the answers were prepared for another grader; prepare them with this grader's `prepare`")
        return answers

    def columns_of(self, answers: Answers) -> Mapping[str, Column]:
        """The kind of each submitted column."""
        return self.prepare(answers).public.columns

    def check(self, submission: pd.DataFrame, answers: Answers) -> None:
        """Check a submission without scoring it: no metric runs and no answer is read.

        Args:
            submission: one row per test id, in any order; extra columns are ignored.
            answers: the private answers.

        Raises:
            InvalidSubmission: if the submission cannot be scored; the message never shows an answer.
        """
        self._checked(submission, self.prepare(answers).public)

    def check_file(self, path: Path, answers: Answers) -> None:
        """Read a submission and check it as `check` does; messages show cells as they appear in the file.

        Raises:
            InvalidSubmission: if the submission cannot be scored; the message never shows an answer.
            OSError: if the file cannot be read.
        """
        self._checked_file(path, self.prepare(answers).public)

    def score(self, submission: pd.DataFrame, answers: Answers) -> float:
        """Check a submission and score it.

        Args:
            submission: one row per test id, in any order; extra columns are ignored.
            answers: the private answers.

        Returns:
            The score, not rounded.

        Raises:
            InvalidSubmission: exactly when `check` raises it, with the same message; errors of the metric are raised as other
            types.
        """
        prepared = self.prepare(answers)
        return self._value(self._checked(submission, prepared.public), prepared)

    def score_file(self, path: Path, answers: Answers) -> float:
        """Read a submission and score it; messages show cells as they appear in the file.

        Raises:
            InvalidSubmission: exactly when `check_file` raises it, with the same message; errors of the metric are raised as
            other types.
            OSError: if the file cannot be read.
        """
        prepared = self.prepare(answers)
        return self._value(self._checked_file(path, prepared.public), prepared)

    def read(self, path: Path, answers: Answers | None = None, *, as_written: bool = False) -> pd.DataFrame:
        """Read the graded columns of a submission (or, without `answers`, the answers themselves), text verbatim.

        Args:
            path: the csv file.
            answers: the answers, whose ids and columns determine how large a submission may be.
            as_written: keep all cells as text; otherwise numbers are parsed.

        Raises:
            InvalidSubmission: if the file is not a csv table, is larger than a submission can be, or is ambiguous.
        """
        if answers is not None:
            return self._read_submission(path, self.prepare(answers).public, as_written=as_written)
        if self.read_answers is not None:
            return self.read_answers(path)
        return read_answers(path, self.text_of_answers)

    @property
    def text_of_answers(self) -> tuple[str, ...]:
        """The columns of the answers that are read as text; pandas infers the type of all others."""
        return self._wanted({} if callable(self.columns) else self.columns).text

    def _public_part(self, table: pd.DataFrame) -> PublicPart:
        asked = None
        known = self.public(table) if callable(self.public) else table[[*self.id_columns, *self.public]]
        if self.adapt is None:
            # the number of rows per id in the answers is itself an answer
            known, asked = asked_of(known, self.id_columns)
        columns = self.columns
        if callable(columns):
            columns = columns(_with_blank_columns(known, table))
        if self.missing_words:
            columns = {name: kind.with_missing_words() for name, kind in columns.items()}
        graded = self.graded and table.loc[self.graded(table), [*self.id_columns]]
        return PublicPart(known, columns, self.id_columns, asked, graded)

    def _table(self, answers: Any) -> pd.DataFrame:
        return answers if self.tabulate is None or isinstance(answers, pd.DataFrame) else self.tabulate(answers)

    def _checked_file(self, path: Path, public: PublicPart) -> _Checked:
        read = read_submission(path, self._wanted(public.columns), public.extent, known=public.known_ids)
        try:
            return self._checked(read.table, public, read.rows)
        except RefusedCells as refused:
            # parsed numbers do not show how they were written
            self._checked(self._read_submission(path, public, as_written=True), public)
            raise refused

    def _read_submission(self, path: Path, public: PublicPart, *, as_written: bool = False) -> pd.DataFrame:
        return read_submission(path, self._wanted(public.columns), public.extent, as_written=as_written).table

    def _checked(self, submission: pd.DataFrame, public: PublicPart, rows: Rows | None = None) -> _Checked:
        """The parsed columns of a submission; `rows` are the rows of the ids, if already matched."""
        known = public.known
        if self.adapt is not None:
            if (checked := self._checked_in_order(submission, public)) is not None:
                return checked
            submission, known = self.adapt(submission, known)
        asked = public.ids if known is public.known else AskedIds(known, self.id_columns)
        if rows is None:
            aligned = align(submission, asked, public.columns, graded=public.graded)
        else:
            aligned = Aligned(asked, submission, rows)
        return self._parsed(public, aligned.cells, aligned.shown, lambda: aligned.ids)

    def _checked_in_order(self, submission: pd.DataFrame, public: PublicPart) -> _Checked | None:
        """The same for ids that fill several rows, if these are in answer order and nothing is wrong; None otherwise."""
        # a table metric receives numbered ids
        if not isinstance(self.adapt, RepeatsApart) or self.metric is None or not submission.columns.is_unique:
            return None
        if not {*self.id_columns, *public.columns} <= {*submission} or not self.adapt.are_in_order(submission, public.known):
            return None
        submission = submission.reset_index(drop=True)
        ids = submission[self.adapt.id]
        try:
            return self._parsed(public, submission.__getitem__, ids, lambda: submission[[*self.id_columns]])
        except InvalidSubmission:
            return None

    def _parsed(
        self, public: PublicPart, cells: Callable[[str], pd.Series], shown: pd.Series, ids: Callable[[], pd.DataFrame]
    ) -> _Checked:
        parsed = {name: kind.parse(cells(name), shown) for name, kind in public.columns.items()}
        if self.rows:
            parsed = dict(zip(parsed, self.rows(_stacked(list(parsed.values())), shown).T, strict=True))
        return _Checked(ids, parsed)

    def _wanted(self, columns: Mapping[str, Column]) -> Wanted:
        text = [name for name, kind in columns.items() if kind.reads_text]
        numbers = [name for name, kind in columns.items() if not kind.reads_text]
        # a probability of one or zero means the same
        booleans = [name for name in numbers if isinstance(columns[name], Probability)]
        return Wanted((*self.id_columns, *text), tuple(numbers), self.optional, tuple(booleans))

    def perfect_submission(self, answers: pd.DataFrame) -> pd.DataFrame:
        """The submission with the best possible score."""
        if self.perfect is not None:
            return self.perfect(answers)
        return self._table(answers)[[*self.id_columns, *self.columns_of(answers)]]

    def for_edition(self, edition: str) -> Grader:
        """This grader: it is the same in every edition."""
        return self

    def _value(self, checked: _Checked, answers: PreparedAnswers) -> float:
        """The score of a submission that passed every check.

        Raises:
            ArithmeticError: the metric did not return a finite number.
            RuntimeError: the metric rejected the submission after it passed the checks.
        """
        try:
            # an overflow shows in the score, which is then not a number
            with np.errstate(all="ignore"):
                value = self._arrays(checked, answers) if self.metric else self._frames(checked, answers)
        except InvalidSubmission as error:
            raise RuntimeError(f"the metric rejected a submission that passed every check: {error}") from None
        if not np.isfinite(value):
            raise ArithmeticError(f"the metric returned {value} for a submission that passed every check")
        return float(value)

    def _arrays(self, checked: _Checked, answers: PreparedAnswers) -> float:
        assert self.metric is not None
        return self.metric(answers.truth(), _stacked(list(checked.columns.values())))

    def _true_values(self, answers: pd.DataFrame, public: PublicPart) -> np.ndarray:
        try:
            if self.truth:
                return self.truth(answers)
            ids = answers[self.id_columns[0]]
            return _stacked([kind.parse(answers[name], ids) for name, kind in public.columns.items()])
        except InvalidSubmission as error:
            # mismatched answers are our fault, and this message shows them: it must not be reported as the submission's
            raise ValueError(f"the answers do not fit the grader: {error}") from None

    def _frames(self, checked: _Checked, answers: PreparedAnswers) -> float:
        assert self.table_metric is not None
        return self.table_metric(answers.table(), pd.concat([checked.ids(), pd.DataFrame(dict(checked.columns))], axis=1))


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
        v1: as published; it reads `NA`, `null` and similar text cells as blanks (`Grader.missing_words`).
        v2: reads text verbatim. It may be the same grader.
    """
    return EditionGraders(dataclasses.replace(v1, missing_words=True), v2)


def _stacked(arrays: list[np.ndarray]) -> np.ndarray:
    # the cells of a column stay contiguous
    return arrays[0] if len(arrays) == 1 else np.stack(arrays).T


def _with_blank_columns(known: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """`known` and the names of the other columns of `answers`, their cells NaN."""
    names = answers.columns.difference(known.columns, sort=False)
    # one broadcast cell represents them all
    blank = pd.DataFrame(np.broadcast_to(np.nan, (len(known), len(names))), index=known.index, columns=names)
    table: pd.DataFrame = pd.concat([known, blank], axis=1, copy=False)  # type: ignore[call-overload]
    return table
