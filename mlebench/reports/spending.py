"""What the calls to models of several runs took together, and what a medal cost; measured amounts and claims apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlebench.reports.results import GradedRun
from mlebench.runs.usage import Usage, total


@dataclass(frozen=True)
class UsageFigures:
    """The usage of some runs."""

    runs: int
    """How many they are."""
    total: Usage
    """Over these runs; an amount that one of them does not know is unknown."""
    medals: int
    """What these runs earned."""
    cost_per_medal_usd: float | None
    """US dollars of all these runs for each of their medals; None without a medal or where a price is unknown."""
    tokens_per_medal: float | None
    """Input and output tokens likewise."""


def measured_usage(runs: Iterable[GradedRun]) -> UsageFigures | None:
    """Of the runs whose calls a gateway measured; None if there is none."""
    return _figures([(run, run.details.usage) for run in runs if run.details is not None])


def reported_usage(runs: Iterable[GradedRun]) -> UsageFigures | None:
    """Of the runs of which only the agent itself says what it used; None if there is none."""
    return _figures([(run, run.details.reported_usage) for run in runs if run.details is not None and run.details.usage is None])


def _figures(runs: Sequence[tuple[GradedRun, Usage | None]]) -> UsageFigures | None:
    told = [(run, usage) for run, usage in runs if usage is not None]
    if not told:
        return None
    medals = sum(run.report is not None and run.report.any_medal for run, _ in told)
    used = total(usage for _, usage in told)
    return UsageFigures(len(told), used, medals, _share(used.cost_usd, medals), _share(used.tokens, medals))


def _share(amount: float | None, medals: int) -> float | None:
    return amount / medals if amount is not None and medals else None
