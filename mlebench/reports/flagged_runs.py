"""The figures of results with and without the runs that a review flagged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlebench.reports.figures import METRICS, mean_or_none, normalized_score, runs_by_competition
from mlebench.reports.results import GradedRun, Results
from mlebench.reports.selection import Selection
from mlebench.reports.statistics import Estimate, estimate


@dataclass(frozen=True)
class Totals:
    """Figures over some of the runs."""

    runs: int
    metrics: Mapping[str, Estimate]
    """Percentages, 0 to 100, by the names of `METRICS`: means over seeds; empty if no run is left."""
    mean_normalized_score: float | None
    """Over runs with a score: 0 at the leaderboard's median, 1 at its gold threshold."""


@dataclass(frozen=True)
class FlaggedTotals:
    """The figures of one selection, seen in three ways."""

    selection: Selection
    flagged: int
    """Runs of the selection with a violation."""
    with_flagged: Totals
    """As the report has them elsewhere."""
    without_flagged: Totals
    """Over the other runs alone: a seed is the share of those of its competitions that are left."""
    flagged_as_failures: Totals
    """Over all runs, as if the flagged ones had submitted nothing."""


def flagged_totals(results: Results, selection: Selection, flagged: Collection[Path]) -> FlaggedTotals:
    """The totals of results on a selection; a run without a report counts as a failure.

    Args:
        flagged: folders of the flagged runs, as `RunDetails.folder` names them.

    Raises:
        UsageError: no run belongs to the selection.
    """
    seeds = [list(seed) for seed in zip(*runs_by_competition(results, selection).values(), strict=True)]
    left = [[run for run in seed if not _is_flagged(run, flagged)] for seed in seeds]
    failed = [[GradedRun(None) if _is_flagged(run, flagged) else run for run in seed] for seed in seeds]
    return FlaggedTotals(
        selection=selection,
        flagged=sum(map(len, seeds)) - sum(map(len, left)),
        with_flagged=_totals(seeds),
        without_flagged=_totals(seed for seed in left if seed),
        flagged_as_failures=_totals(failed),
    )


def _is_flagged(run: GradedRun, flagged: Collection[Path]) -> bool:
    return run.details is not None and run.details.folder in flagged


def _totals(seeds: Iterable[Sequence[GradedRun]]) -> Totals:
    kept = list(seeds)
    reports = [[run.report for run in seed] for seed in kept]
    shares = {
        name: [100 * sum(report is not None and flag(report) for report in seed) / len(seed) for seed in reports]
        for name, flag in METRICS.items()
    }
    return Totals(
        runs=sum(map(len, kept)),
        metrics={name: estimate(values, 0.0, 100.0) for name, values in shares.items()} if kept else {},
        mean_normalized_score=mean_or_none([normalized_score(report) for seed in reports for report in seed]),
    )
