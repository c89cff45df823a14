"""What a leak is worth: the grade of a submission that uses nothing else, by the competition's grader."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mlebench.errors import InvalidSubmission
from mlebench.preparation.audit.clue import Guess
from mlebench.preparation.audit.truth import Target, Truth
from mlebench.registry import Competition

if TYPE_CHECKING:
    import pandas as pd

_SURE = 1 - 1e-6
"""The probability that is submitted where a leak was never wrong: a wrong answer would cost a log loss without end."""


class Bought(NamedTuple):
    """A score with its medal."""

    score: float | None
    """None if no valid submission can be made."""
    baseline: float | None
    medal: str | None


@dataclass(frozen=True)
class Market:
    """Grades submissions made from leaks.

    Attributes:
        competition: the competition, prepared.
        truth: its answers.
    """

    competition: Competition
    truth: Truth

    def bought(self, guesses: Sequence[Guess], *, of_sample: bool = False) -> Bought:
        """The score of a submission that uses `guesses` where they exist and equals the baseline elsewhere.

        Args:
            guesses: what is told.
            of_sample: the sample submission is the source of the leak, so the baseline is one answer for every row.
        """
        start = self.constant if of_sample else self.baseline
        if not guesses or start is None:
            return Bought(None, None, None)
        table, baseline = start
        score = self._graded(self._with(guesses, table.copy()))
        return Bought(score, baseline, self._medal(score))

    @functools.cached_property
    def baseline(self) -> tuple[pd.DataFrame, float] | None:
        """A submission that knows nothing, in the form of `Truth.perfect`, and its score: the sample submission, else `constant`;
        None if neither is valid."""
        sample = self._sample()
        return (self._first_valid([sample]) if sample is not None else None) or self.constant

    @functools.cached_property
    def constant(self) -> tuple[pd.DataFrame, float] | None:
        """The same without the sample submission: the most frequent answer for every row, else answers in another order."""
        return self._first_valid(self._drafts())

    def _first_valid(self, drafts: Iterable[pd.DataFrame]) -> tuple[pd.DataFrame, float] | None:
        for table in drafts:
            score = self._graded(table)
            if score is not None:
                return table, score
        return None

    @functools.cached_property
    def hides_answers(self) -> bool:
        """Whether the answers are worth anything: what is there may be one solution of many, no better than another."""
        # a sample may hold the answers itself
        nothing = self.constant or self.baseline
        return nothing is None or self._graded(self.truth.perfect) != nothing[1]

    def _drafts(self) -> Iterator[pd.DataFrame]:
        perfect = self.truth.perfect
        constant = perfect.copy()
        for column in perfect.columns.difference([*self.truth.id_columns]):
            constant[column] = perfect[column].mode().iloc[0]
        yield constant
        yield (
            perfect.iloc[np.random.default_rng(0).permutation(len(perfect))]
            .set_axis(perfect.index)
            .assign(**{column: perfect[column] for column in self.truth.id_columns})
        )

    def _sample(self) -> pd.DataFrame | None:
        """The sample submission, its rows in the order of the truth."""
        import pandas as pd

        path, perfect, ids = self.competition.sample_submission, self.truth.perfect, [*self.truth.id_columns]
        try:
            sample = pd.read_csv(path, dtype=str, keep_default_na=False)
        except (OSError, ValueError):
            return None
        if not {*perfect.columns} <= {*sample.columns}:
            return None
        place = sample.groupby(ids).cumcount()
        wanted = perfect[ids].assign(_place=perfect.groupby(ids).cumcount())
        found = wanted.merge(sample[[*perfect.columns]].assign(_place=place), how="left", on=[*ids, "_place"])
        return None if found.isna().any(axis=None) else found[[*perfect.columns]]

    def _with(self, guesses: Sequence[Guess], table: pd.DataFrame) -> pd.DataFrame:
        targets = {target.name: target for target in self.truth.targets}
        for guess in guesses:
            told = np.flatnonzero(guess.told)
            if guess.target is None:
                columns = [column for column in table.columns if column not in self.truth.id_columns]
                for column in columns:
                    table.loc[told, column] = self.truth.perfect[column].to_numpy()[guess.values[told]]
            else:
                self._fill(table, targets[guess.target], told, guess.values[told])
        return table

    def _fill(self, table: pd.DataFrame, target: Target, told: np.ndarray, values: np.ndarray) -> None:
        if target.kind != "class" or not self._are_probabilities(target):
            for column in target.columns:
                table.loc[told, column] = [str(value) for value in values]
            return
        right = float(np.mean([value == truth for value, truth in zip(values, target.values[told], strict=True)]))
        # a competitor determines on the training side how far a leak can be trusted
        sure = _SURE if right == 1 else (right * len(told) + 1) / (len(told) + 2)
        if not target.is_one_hot:
            table.loc[told, target.columns[0]] = [str(sure if float(value) else 1 - sure) for value in values]
            return
        rest = (1 - sure) / (len(target.columns) - 1)
        for column in target.columns:
            table.loc[told, column] = [str(sure if value == column else rest) for value in values]

    def _are_probabilities(self, target: Target) -> bool:
        from grading.columns import Real

        kinds = self.competition.grader.columns_of(self.competition.prepared_answers)
        return all(isinstance(kinds[column], Real) for column in target.columns)

    def _graded(self, table: pd.DataFrame) -> float | None:
        with tempfile.TemporaryDirectory(prefix="mlebench-audit-") as folder:
            path = Path(folder) / "submission.csv"
            table.to_csv(path, index=False)
            try:
                return round(self.competition.grader.score_file(path, self.competition.prepared_answers), 5)
            except (InvalidSubmission, ArithmeticError, ValueError, RuntimeError):
                return None

    def _medal(self, score: float | None) -> str | None:
        thresholds = self.competition.thresholds
        return thresholds.medal(score) if thresholds else None
