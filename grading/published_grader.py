"""A grader with the published harness's interface: a name, a function, and a call that returns a score or None."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from grading.invalid import InvalidSubmission
from grading.medals import Thresholds

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)
GradeFunction = Callable[["pd.DataFrame", "pd.DataFrame"], float]
DECIMALS = 5
"""Decimals of a ranked score."""


class PublishedGrader:
    """Scores a submission with one function; the base of every grader.

    Calling it follows the published contract: it returns a rounded score or None. Use `score` to learn why there is
    no score: it raises instead and does not round.
    """

    lower_is_better: bool | None = None
    """Direction of the score; None if only a leaderboard determines it."""

    def __init__(self, name: str, grade_fn: GradeFunction, lower_is_better: bool | None = None) -> None:
        """Make a grader from a function.

        Args:
            name: name of the metric.
            grade_fn: `grade_fn(submission, answers)`, which returns a score or raises `InvalidSubmission`.
            lower_is_better: direction of the score, if known.
        """
        self._name, self._grade_fn, self.lower_is_better = name, grade_fn, lower_is_better

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PublishedGrader:
        """The grader with the `name` and the `grade_fn` of `data`; the latter is a function or a `package.module:name` reference.

        Raises:
            ValueError: one of the two is missing, or the reference does not have this form.
            ImportError: the function does not exist.
        """
        missing = [key for key in ("name", "grade_fn") if not data.get(key)]
        if missing:
            raise ValueError(f"a grader needs `{missing[0]}`")
        function = data["grade_fn"]
        return PublishedGrader(str(data["name"]), function if callable(function) else import_function(function))

    @property
    def name(self) -> str:
        """The name of the metric."""
        return self._name

    @property
    def grade_fn(self) -> GradeFunction:
        """`grade_fn(submission, answers)`: the score, not rounded; raises if there is none."""
        return self._grade_fn

    def prepare(self, answers: Any) -> Any:
        """Accepted by every method in place of the answers when grading many submissions; a plain function takes the answers."""
        return answers

    def check(self, submission: pd.DataFrame, answers: Any) -> None:
        """Check a submission without scoring it; a plain function declares no format, so any table passes.

        Raises:
            InvalidSubmission: if the submission does not have the grader's format.
        """

    def score(self, submission: pd.DataFrame, answers: Any) -> float:
        """Score a submission.

        Returns:
            The score, not rounded.

        Raises:
            InvalidSubmission: if the submission cannot be scored.
        """
        return float(self.grade_fn(submission, answers))

    def __call__(self, submission: pd.DataFrame, answers: Any) -> float | None:
        """Score a submission without raising.

        Returns:
            The score, rounded to 5 decimals; None if it could not be scored (the log says why).
        """
        try:
            return round(self.score(submission, answers), DECIMALS)
        except InvalidSubmission as error:
            logger.warning("Invalid submission: %s", error)
        except Exception:
            logger.exception("Unexpected error while grading: the grader %r failed", self.name)
        return None

    def is_lower_better(self, leaderboard: pd.DataFrame | None = None) -> bool:
        """Whether a lower score is better; derived from a leaderboard (best first) if the grader does not know."""
        if self.lower_is_better is not None:
            return self.lower_is_better
        if leaderboard is None or len(leaderboard) < 2:
            raise ValueError("the direction is unknown: pass a leaderboard with at least two rows, best first")
        return bool(leaderboard["score"].iloc[0] < leaderboard["score"].iloc[-1])

    def rank_score(self, score: float | None, leaderboard: pd.DataFrame) -> dict[str, bool | float | None]:
        """Place a score on a leaderboard: medals, above-median and the four thresholds.

        Args:
            score: None if the submission has no score.
            leaderboard: a table with a `score` column, one row per team.
        """
        lower = self.is_lower_better(leaderboard)
        thresholds = Thresholds.from_leaderboard(leaderboard["score"].to_numpy(), lower_is_better=lower)
        medal = thresholds.medal(score)
        return {
            "gold_medal": medal == "gold",
            "silver_medal": medal == "silver",
            "bronze_medal": medal == "bronze",
            "above_median": thresholds.is_above_median(score),
            "gold_threshold": thresholds.gold,
            "silver_threshold": thresholds.silver,
            "bronze_threshold": thresholds.bronze,
            "median_threshold": thresholds.median,
        }


def import_function(place: str) -> Callable[..., Any]:
    """The function at `package.module:name`.

    Raises:
        ValueError: `place` does not have this form.
        ImportError: the function does not exist.
    """
    module, colon, name = place.partition(":")
    if not (module and colon and name):
        raise ValueError(f"{place!r} does not have the form `package.module:function`")
    function: Callable[..., Any] | None = getattr(importlib.import_module(module), name, None)
    if function is None:
        raise ImportError(f"the module {module} defines no `{name}`")
    return function
