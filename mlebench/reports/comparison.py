"""Two results on the same competitions: the difference, how sure it is, and who wins where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grading.report import CompetitionReport
from mlebench.reports.figures import Grid, mean_or_none, medal_rates, runs_by_competition
from mlebench.reports.results import GradedRun, Results
from mlebench.reports.selection import Selection
from mlebench.reports.spending import UsageFigures, measured_usage, reported_usage
from mlebench.reports.statistics import Interval, SignTest, bootstrap_interval, sign_test
from mlebench.runs.conditions import Conditions

_WORST = float("-inf")


@dataclass(frozen=True)
class CompetitionDifference:
    """One competition in two results."""

    competition_id: str
    first_medal_rate: float
    """Share of seeds with a medal, 0 to 1."""
    second_medal_rate: float
    score_sign: int
    """1 where the first has the better mean score, −1 where the second has, 0 for a tie."""


@dataclass(frozen=True)
class Comparison:
    """The first results minus the second, paired by competition."""

    first: str
    second: str
    selection: Selection
    any_medal_difference: float
    """Percentage points."""
    interval: Interval | None
    """95 % bootstrap interval over competitions, in percentage points; None for one competition."""
    medal_sign_test: SignTest
    """By medal rate."""
    score_sign_test: SignTest
    """By mean score; having a score beats having none."""
    competitions: Sequence[CompetitionDifference]
    differences: Sequence[str]
    """The parts in which their conditions differ, such as `arguments (steps 1 → 100)`."""
    notes: Sequence[str]
    """What else makes the two not quite comparable."""
    first_usage: UsageFigures | None
    """What the gateway measured; None if it measured no run."""
    second_usage: UsageFigures | None
    first_reported_usage: UsageFigures | None
    """What agents claim, over the runs of which nothing was measured."""
    second_reported_usage: UsageFigures | None


def compare(first: Results, second: Results, selection: Selection) -> Comparison:
    """Compare two results on a selection; absent runs count as failures, seeds need not be equally many.

    Raises:
        UsageError: one of them has no run of the selection.
    """
    return compare_grids(
        first, second, selection, (runs_by_competition(first, selection), runs_by_competition(second, selection))
    )


def compare_grids(first: Results, second: Results, selection: Selection, grids: tuple[Grid, Grid]) -> Comparison:
    """Compare some runs of two results; the rows of the grids need not be equally long.

    Args:
        first: whose conditions the first grid's runs had.
        second: likewise.
        selection: the competitions of both grids.
        grids: at least one run of each competition on either side.
    """
    rates = medal_rates(grids[0]), medal_rates(grids[1])
    rows = [
        CompetitionDifference(name, rates[0][name], rates[1][name], _score_sign(grids[0][name], grids[1][name]))
        for name in selection.competition_ids
    ]
    first_runs, second_runs = ([run for runs in grid.values() for run in runs] for grid in grids)
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
        differences=first.conditions.differences(second.conditions),
        notes=_notes(first, second),
        first_usage=measured_usage(first_runs),
        second_usage=measured_usage(second_runs),
        first_reported_usage=reported_usage(first_runs),
        second_reported_usage=reported_usage(second_runs),
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


def _notes(first: Results, second: Results) -> list[str]:
    notes = []
    if _data_of(first.conditions).differences(_data_of(second.conditions)):
        notes.append("scores are on different test data")
    if len(first.layers) != len(second.layers):
        notes.append(f"the numbers of seeds differ: {len(first.layers)} and {len(second.layers)}")
    return notes


def _data_of(conditions: Conditions) -> Conditions:
    """The conditions that determine the source of the test data; the effect of a version change is unknown here."""
    return Conditions(
        agent="",
        edition=conditions.edition,
        split_key_hash=conditions.split_key_hash,
        instance_hashes=conditions.instance_hashes,
    )
