"""Several results in the order of their medals: who leads, by how much, and how sure that is."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from mlebench.reports.comparison import Comparison, compare
from mlebench.reports.document import ResultsDocument, RunRow
from mlebench.reports.figures import SelectionFigures, mean_or_none
from mlebench.reports.notation import interval, p_value, plus_minus
from mlebench.reports.published_results import PublishedResult, published_results


@dataclass(frozen=True)
class Standing:
    """One of several results on a selection of competitions."""

    entry: ResultsDocument
    figures: SelectionFigures
    to_leader: Comparison | None
    """The leader minus this one; None for the leader."""

    @functools.cached_property
    def runs(self) -> Sequence[RunRow]:
        """All runs of the selection."""
        return runs_of(self.entry, self.figures)

    def ended(self, state: str) -> int:
        """How many of the runs ended so, such as `timed-out`."""
        return sum(run.state == state for run in self.runs)

    @property
    def mean_hours(self) -> float | None:
        """Of the runs of which it is known how long they took."""
        return mean_or_none([run.hours for run in self.runs])

    @property
    def gpu_hours(self) -> float | None:
        """Total over all runs; None if no run reports it."""
        known = [run.gpu_hours for run in self.runs if run.gpu_hours is not None]
        return sum(known) if known else None


def runs_of(entry: ResultsDocument, figures: SelectionFigures) -> list[RunRow]:
    """The runs of a result that figures of it are about."""
    wanted = set(figures.selection.competition_ids)
    return [run for row in entry.competitions if row.info.competition_id in wanted for run in row.runs]


def standings(entries: Sequence[ResultsDocument], selection: str) -> list[Standing]:
    """The results on a selection, the best first; of equal ones the first given first."""
    figures = [(entry, found) for entry in entries if (found := entry.figures_of(selection)) is not None]
    ranked = sorted(figures, key=lambda pair: -pair[1].metrics["any_medal_percentage"].mean)
    leader = ranked[0][0].results
    return [
        Standing(entry, found, None if place == 0 else compare(leader, entry.results, found.selection))
        for place, (entry, found) in enumerate(ranked)
    ]


def verdict(ranked: Sequence[Standing]) -> str:
    """Who leads and by how much, one sentence; a lead is one where the interval over competitions leaves out zero."""
    comparison = ranked[1].to_leader
    assert comparison is not None
    first, second, on = comparison.first, comparison.second, f"on {comparison.selection.name}"
    points, spread = comparison.any_medal_difference, comparison.interval
    reach = interval(spread).replace(" … ", " to ").replace("-", "−")
    sure = f"95 % {reach}; sign test {p_value(comparison.medal_sign_test.p_value)}"
    if points == 0:
        return f"No difference: {first} and {second} earn the same number of medals {on}{_by_score(comparison)}."
    if spread is None:
        ahead = f"{first} is {points:.1f} percentage points ahead of {second}"
        return f"{ahead} on one competition, which is too few for an interval."
    if spread.lower > 0:
        return f"{first} leads {second} by {points:.1f} percentage points {on} ({sure})."
    return f"No clear difference: {first} is {points:.1f} percentage points ahead of {second} {on} ({sure})."


def _by_score(comparison: Comparison) -> str:
    test = comparison.score_sign_test
    if test.wins == test.losses:
        return ""
    better = comparison.first if test.wins > test.losses else comparison.second
    most, least = max(test.wins, test.losses), min(test.wins, test.losses)
    return f"; by score {better} is better on {most} of them and worse on {least} ({p_value(test.p_value)})"


def nearest_published(entry: ResultsDocument) -> str:
    """Which published results lie nearest above and below, one sentence; empty if none can be set next to.

    The widest published split of the report counts; scores on mock data are set next to nothing.
    """
    if "mock" in entry.results.conditions.data.values():
        return ""
    for figures in reversed(entry.figures):
        name, mean = figures.selection.name, figures.metrics["any_medal_percentage"].mean
        listed = sorted(_on_board(name), key=lambda pair: pair[0])
        if not listed:
            continue
        above = next((told for told in listed if told[0] > mean), None)
        below = next((told for told in reversed(listed) if told[0] <= mean), None)
        parts = [f"below {_told(above[1], name)}"] if above else []
        parts += [f"above {_told(below[1], name)}"] if below else []
        edition = "" if entry.results.conditions.edition == "v1" else "(edition v1)"
        return f"On the public leaderboard{edition}, {mean:.1f} % on {name} would rank {' and '.join(parts)}."
    return ""


def _on_board(name: str) -> list[tuple[float, PublishedResult]]:
    found = ((result.any_medal.get(name), result) for result in published_results() if result.on_board)
    return [(figure.mean, result) for figure, result in found if figure is not None]


def _told(result: PublishedResult, name: str) -> str:
    models = f" with {result.models}" if result.models else ""
    return f"{result.agent}{models} ({plus_minus(result.any_medal[name])} %)"
