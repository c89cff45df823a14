"""Two experiments on the same competitions: the difference, how sure it is, and who wins where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grading.report import CompetitionReport
from mlebench.reports.figures import mean_or_none, medal_rates, runs_by_competition
from mlebench.reports.results import Experiment, GradedRun
from mlebench.reports.selection import Selection
from mlebench.reports.statistics import Interval, SignTest, bootstrap_interval, sign_test

_WORST = float("-inf")


@dataclass(frozen=True)
class CompetitionDifference:
    """One competition in two experiments."""

    competition_id: str
    first_medal_rate: float
    """Share of seeds with a medal, 0 to 1."""
    second_medal_rate: float
    score_sign: int
    """1 where the first has the better mean score, −1 where the second has, 0 for a tie."""


@dataclass(frozen=True)
class Comparison:
    """The first experiment minus the second, paired by competition."""

    first: str
    second: str
    selection: Selection
    any_medal_difference: float
    """Percentage points."""
    interval: Interval
    """95 % bootstrap interval over competitions, in percentage points."""
    medal_sign_test: SignTest
    """By medal rate."""
    score_sign_test: SignTest
    """By mean score; having a score beats having none."""
    competitions: Sequence[CompetitionDifference]
    notes: Sequence[str]
    """What makes the two not quite comparable."""


def compare(first: Experiment, second: Experiment, selection: Selection) -> Comparison:
    """Compare two experiments on a selection; absent runs count as failures, seeds need not be equally many.

    Raises:
        UsageError: one of them has no run of the selection.
    """
    grids = runs_by_competition(first, selection), runs_by_competition(second, selection)
    rates = medal_rates(grids[0]), medal_rates(grids[1])
    rows = [
        CompetitionDifference(name, rates[0][name], rates[1][name], _score_sign(grids[0][name], grids[1][name]))
        for name in selection.competition_ids
    ]
    differences = [100 * (row.first_medal_rate - row.second_medal_rate) for row in rows]
    return Comparison(
        first=first.name,
        second=second.name,
        selection=selection,
        any_medal_difference=sum(differences) / len(differences),
        interval=bootstrap_interval(differences),
        medal_sign_test=sign_test(differences),
        score_sign_test=sign_test([row.score_sign for row in rows]),
        competitions=rows,
        notes=_notes(first, second),
    )


def _score_sign(first: Sequence[GradedRun], second: Sequence[GradedRun]) -> int:
    better, worse = _goodness(first), _goodness(second)
    return (better > worse) - (better < worse)


def _goodness(runs: Sequence[GradedRun]) -> float:
    reports: list[CompetitionReport] = [run.report for run in runs if run.report is not None]
    mean = mean_or_none([report.score for report in reports])
    if mean is None:
        return _WORST
    return -mean if reports[0].is_lower_better else mean


def _notes(first: Experiment, second: Experiment) -> list[str]:
    notes = []
    if first.edition != second.edition:
        notes.append(f"the editions differ: {first.edition} and {second.edition}; scores are of different test data")
    elif first.split_key_hash != second.split_key_hash:
        notes.append(
            f"the split keys differ: {first.split_key_hash or 'published'} and {second.split_key_hash or 'published'}; "
            "scores are of different test data"
        )
    if len(first.seeds) != len(second.seeds):
        notes.append(f"the numbers of seeds differ: {len(first.seeds)} and {len(second.seeds)}")
    return notes
