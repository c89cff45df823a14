"""How figures are written in every output: percentages, scores, missing values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlebench._support.quantities import show_duration
from mlebench.reports.document import CompetitionRow, ResultsDocument, RunRow
from mlebench.reports.published_results import Percentage
from mlebench.reports.results import Results
from mlebench.reports.spending import UsageFigures
from mlebench.reports.statistics import Estimate, Interval
from mlebench.runs.usage import Usage

NOTHING = "–"
MEASURED = "measured"
REPORTED = "reported by the agent"
_LEAST_CENTS, _LEAST_USD = 0.1, 0.0001
_MOST_WITH_ISSUES = 10
METRIC_TITLES = {
    "any_medal_percentage": "any medal",
    "gold_medal_percentage": "gold",
    "silver_medal_percentage": "silver",
    "bronze_medal_percentage": "bronze",
    "above_median_percentage": "above median",
    "valid_submissions_percentage": "valid",
    "submission_exists_percentage": "made a submission",
}
OUTCOME_TITLES = {
    "valid": "valid",
    "invalid": "invalid",
    "missing": "no submission",
    "infrastructure": "infrastructure failure",
    "not_graded": "not graded",
}


def plus_minus(estimate: Estimate | Percentage | None) -> str:
    """A mean with one standard error, such as `17.12 ± 0.61`; of a single seed, `17.12 ± –`."""
    return NOTHING if estimate is None else f"{estimate.mean:.2f} ± {number(estimate.standard_error)}"


def interval(spread: Interval | None, decimals: int = 1) -> str:
    """An interval, such as `15.9 … 18.3`, or a dash."""
    return NOTHING if spread is None else f"{spread.lower:.{decimals}f} … {spread.upper:.{decimals}f}"


def score(value: float | None) -> str:
    """A score with at most 5 significant decimals."""
    return NOTHING if value is None else f"{value:.5f}".rstrip("0").rstrip(".")


def number(value: float | None, decimals: int = 2) -> str:
    """A number or a dash."""
    return NOTHING if value is None else f"{value:.{decimals}f}"


def signed(value: float, decimals: int) -> str:
    """A difference with its sign; one that is rounded away has none, and is `0.0`."""
    rounded = round(value, decimals)
    return f"{rounded:+.{decimals}f}" if rounded else f"{0:.{decimals}f}"


def usd(value: float | None) -> str:
    """US dollars: two decimals, four for less than ten cents, a bound for next to nothing."""
    if value is None:
        return NOTHING
    if 0 < value < _LEAST_USD:
        return f"< {_LEAST_USD}"
    return f"{value:,.4f}" if 0 < value < _LEAST_CENTS else f"{value:,.2f}"


def whole(value: float | None) -> str:
    """A count, such as `1,234,567`, or a dash."""
    return NOTHING if value is None else f"{value:,.0f}"


def run_usage(run: RunRow) -> tuple[Usage | None, str]:
    """What a run used, and who says so: the gateway where it measured, else the agent."""
    if run.usage is not None:
        return run.usage, MEASURED
    return run.reported_usage, REPORTED if run.reported_usage is not None else NOTHING


def usage_rows(entry: ResultsDocument) -> list[tuple[str, str, UsageFigures]]:
    """What splits used, as name, who says so, and figures; empty if nobody says anything."""
    named = [(figures.selection.name, figures.usage, figures.reported_usage) for figures in entry.figures]
    # one of the splits may hold all that was run
    if all((measured, claimed) != (entry.usage, entry.reported_usage) for _, measured, claimed in named):
        named.append(("in all", entry.usage, entry.reported_usage))
    sources = [(name, source, used) for name, *both in named for source, used in zip((MEASURED, REPORTED), both, strict=True)]
    return [(name, source, used) for name, source, used in sources if used is not None]


def competition_usage(row: CompetitionRow) -> tuple[str, str]:
    """Tokens and US dollars of a competition's runs; a double dagger where only agents say so."""
    figures, mark = (row.usage, "") if row.usage is not None else (row.reported_usage, " ‡")
    if figures is None:
        return NOTHING, NOTHING
    return f"{whole(figures.total.tokens)}{mark}", f"{usd(figures.total.cost_usd)}{mark}"


def cost_per_medal(usage: UsageFigures | None, claim: UsageFigures | None) -> str:
    """US dollars for each medal, marked where only agents say so."""
    figures, mark = _whoever_says(usage, claim)
    return f"{usd(figures.cost_per_medal_usd if figures else None)}{mark}"


def tokens_per_medal(usage: UsageFigures | None, claim: UsageFigures | None) -> str:
    """Tokens for each medal, marked where only agents say so."""
    figures, mark = _whoever_says(usage, claim)
    return f"{whole(figures.tokens_per_medal if figures else None)}{mark}"


def _whoever_says(usage: UsageFigures | None, claim: UsageFigures | None) -> tuple[UsageFigures | None, str]:
    return (usage, "") if usage is not None or claim is None else (claim, f" ({REPORTED})")


def p_value(value: float) -> str:
    """A p-value; very small ones as a bound."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def run_text(run: RunRow) -> str:
    """A run in one cell: its score and medal, or why it has none."""
    if run.outcome != "valid":
        return OUTCOME_TITLES[run.outcome]
    if run.data == "mock":
        return f"{score(run.score)} mock"
    return f"{score(run.score)} {run.medal}" if run.medal else score(run.score)


def issues_text(excluded: Mapping[str, Sequence[str]]) -> str:
    """Competitions with the names of their issues; of many only the competitions."""
    if len(excluded) > _MOST_WITH_ISSUES:
        return ", ".join(excluded)
    return "; ".join(f"{competition_id} ({', '.join(issues)})" for competition_id, issues in excluded.items())


def split_figures(document: ResultsDocument, names: Sequence[str]) -> list[str]:
    """The any-medal figure of each split, a dagger where failures were padded in."""
    figures = []
    for name in names:
        of_split = document.figures_of(name)
        figure = plus_minus(of_split.metrics["any_medal_percentage"] if of_split else None)
        figures.append(f"{figure} †" if of_split and of_split.padded else figure)
    return figures


def conditions_text(results: Results) -> str:
    """What a title shows besides the name."""
    conditions = results.conditions
    unknown = "" if results.label else "conditions unknown"
    parts = [
        ", ".join(conditions.models or ()),
        conditions.profile and f"profile {conditions.profile}",
        "" if conditions.hours is None else f"at most {duration(conditions.hours)}",
        f"sandbox {conditions.sandbox}" if conditions.sandbox else unknown,
        f"{conditions.task_text} task text" if conditions.task_text not in (None, "plain") else "",
        f"edition {conditions.edition}",
        f"split key {conditions.split_key_hash}" if conditions.split_key_hash else "",
    ]
    return " · ".join(part for part in parts if part)


def duration(hours: float | None) -> str:
    """Hours as people tell them, such as `5 min` or `24 h`, or a dash."""
    return NOTHING if hours is None else show_duration(hours * 3600)


def gpu_time(gpu_hours: float | None) -> str:
    """GPU hours, such as `5,400 h`, and less than one as a duration, or a dash."""
    if gpu_hours is None or gpu_hours < 1:
        return duration(gpu_hours)
    return f"{gpu_hours:,.1f}".removesuffix(".0") + " h"


def direction(row: CompetitionRow) -> str:
    """Which scores are better."""
    if row.is_lower_better is None:
        return NOTHING
    return "lower" if row.is_lower_better else "higher"
