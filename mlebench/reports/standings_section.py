"""Several results in the order of their medals, as the first section of a report's page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from grading.wording import counted
from mlebench.reports.components import note, warning
from mlebench.reports.document import Document
from mlebench.reports.markup import Cell, Head, Section, sortable_table
from mlebench.reports.notation import NOTHING, REPORTED, duration, gpu_time, interval, plus_minus, signed, usd, whole
from mlebench.reports.standings import Standing, standings, verdict
from mlebench.reports.statistics import Interval

_METRICS = ("any_medal", "gold_medal", "silver_medal", "bronze_medal", "above_median")
_HEADER = (
    "Result",
    Head("Any medal (%)", "mean over seeds ± one standard error; 95 % over seeds below"),
    Head("Behind the best", "percentage points in medal rate; 95 % over competitions below"),
    Head("Gold (%)", "silver and bronze below"),
    Head("Above median (%)", "medals included"),
    Head("Valid", "runs with a valid submission, out of all"),
    Head("Failed", "runs that ended as failed, with or without a submission"),
    Head("Timed out", "runs that reached their time limit, with or without a submission"),
    "USD",
    "Tokens",
    Head("Time per run", "mean; total GPU time below"),
)


def standings_section(document: Document) -> Section:
    """All results, the best first, and how sure the order is."""
    # the last of what is reported on, as charts over budgets take it
    selection = document.main.figures[-1].selection
    ranked = standings(document.entries, selection.name)
    remarks = dict.fromkeys(remark for standing in ranked if standing.to_leader for remark in standing.to_leader.notes)
    notes = [f"On {selection.name}: {counted(len(selection.competition_ids), 'competition')}."]
    notes += [f"‡ {REPORTED}."] if any(map(_is_claimed, ranked)) else []
    parts = [
        f'<p class="winner">{escape(verdict(ranked))}</p>',
        *map(warning, remarks),
        sortable_table(_HEADER, [list(_cells(standing)) for standing in ranked], sticky=True),
        note(" ".join(notes)),
    ]
    return Section("standings", "Standings", "".join(parts))


def _is_claimed(standing: Standing) -> bool:
    return standing.figures.usage is None and standing.figures.reported_usage is not None


def _cells(standing: Standing) -> Iterator[Cell]:
    results, figures = standing.entry.results, standing.figures
    medals, gold, silver, bronze, median = (figures.metrics[f"{name}_percentage"] for name in _METRICS)
    yield Cell(results.name, below=", ".join(results.conditions.models or ()))
    over_seeds = interval(medals.interval) if medals.interval is not None else ""
    yield Cell(plus_minus(medals) + (" †" if figures.padded else ""), medals.mean, below=over_seeds)
    yield _distance(standing)
    yield Cell(plus_minus(gold), gold.mean, below=f"S {silver.mean:.1f}, B {bronze.mean:.1f}")
    yield Cell(plus_minus(median), median.mean)
    yield Cell(f"{figures.counts.valid:,} of {figures.counts.runs:,}", figures.counts.valid / figures.counts.runs)
    for count in (standing.ended("failed"), standing.ended("timed-out")):
        yield Cell(whole(count), count, css="bad" if count else "")
    yield from _costs(standing)
    gpu = f"{gpu_time(standing.gpu_hours)} GPU" if standing.gpu_hours is not None else ""
    yield Cell(duration(standing.mean_hours), standing.mean_hours, below=gpu)


def _distance(standing: Standing) -> Cell:
    """From the best result, which has none."""
    gap = standing.to_leader
    if gap is None:
        return Cell(NOTHING, 0)
    spread = gap.interval and Interval(0 - gap.interval.upper, 0 - gap.interval.lower)
    below = interval(spread) if spread else ""
    return Cell(signed(-gap.any_medal_difference, 1), -gap.any_medal_difference, below=below)


def _costs(standing: Standing) -> Iterator[Cell]:
    """US dollars and tokens, marked where only the agent says so."""
    used = standing.figures.usage or standing.figures.reported_usage
    if used is None:
        yield from (Cell(NOTHING, None), Cell(NOTHING, None))
        return
    mark = " ‡" if _is_claimed(standing) else ""
    per_medal = f"{usd(used.cost_per_medal_usd)} per medal" if used.cost_per_medal_usd is not None else ""
    yield Cell(usd(used.total.cost_usd) + mark, used.total.cost_usd, below=per_medal)
    yield Cell(whole(used.total.tokens) + mark, used.total.tokens)
