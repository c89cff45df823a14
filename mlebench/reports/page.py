"""A report as one page: a single file without network, with sortable tables, charts and links to the runs' logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Literal

from grading.wording import counted
from mlebench._support.files import write_text
from mlebench.reports import charts
from mlebench.reports.comparison import Comparison
from mlebench.reports.components import Card, cards, fold, note, warning
from mlebench.reports.conditions_section import conditions_section
from mlebench.reports.document import Document, ResultsDocument
from mlebench.reports.figures import CleanFigures, SelectionFigures
from mlebench.reports.markup import Cell, Head, Section, bullets, chart_figure, sortable_table, whole_page
from mlebench.reports.notation import (
    METRIC_TITLES,
    NOTHING,
    conditions_text,
    cost_per_medal,
    duration,
    interval,
    p_value,
    plus_minus,
    signed,
    split_figures,
    usage_rows,
    whole,
)
from mlebench.reports.published_results import SOURCE, SPLIT_NAMES
from mlebench.reports.review_page import review_section
from mlebench.reports.runs_tables import competitions_table, runs_table
from mlebench.reports.scaling import SPENDING_AXES, RunCurve, SpendingAxis, SpendingCurve
from mlebench.reports.standings import nearest_published, runs_of
from mlebench.reports.standings_section import standings_section
from mlebench.reports.statistics import Estimate, SignTest
from mlebench.reports.totals import totals
from mlebench.reports.usage_tables import usage_tables

_STATES = {"failed": "Failed", "timed-out": "Timed out"}
_MOST_NAMES = 3
"""Of results in a title."""


def write_page(document: Document, path: Path) -> None:
    """Write the page; links to logs are relative to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, make_page(document, path.parent))


def make_page(document: Document, folder: Path) -> str:
    """The page's HTML.

    Args:
        folder: where the page will lie; links are relative to it.
    """
    return whole_page(_title(document), _lead(document), list(sections_of(document, folder)))


def _title(document: Document) -> str:
    names = [entry.results.name or "Report" for entry in document.entries]
    more = len(names) - _MOST_NAMES
    return " · ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _lead(document: Document) -> str:
    dates = [entry.date for entry in document.entries if entry.date is not None]
    date = str(max(dates)) if dates else ""
    if len(document.entries) > 1:
        return " · ".join(filter(None, (f"{len(document.entries)} results side by side", date)))
    return " · ".join(filter(None, (conditions_text(document.main.results), date)))


def sections_of(document: Document, folder: Path) -> Iterator[Section]:
    """The parts of a page about a report; links to the runs' files are relative to `folder`, where the page will lie."""
    main, others = document.main, document.entries[1:]
    of = f" of {main.results.name}" if others else ""
    if others:
        yield standings_section(document)
    yield Section("figures", f"Figures{of}", _figures(main, alone=not others), "Figures")
    yield Section("medals", f"Medals by competition{of}", _medals(main), "Medals by competition")
    yield Section("competitions", f"Competitions{of}", competitions_table(main.competitions), "Competitions")
    yield Section("totals", f"Breakdown{of}", _breakdown(main), "Breakdown")
    if main.review is not None:
        yield review_section(main.review, folder)
    if usage_rows(main):
        yield Section("usage", f"Calls to models{of}", usage_tables(main), "Calls to models")
    if main.time or main.run_curves:
        yield Section("time", "Over time, money and tokens" if main.spending else "Over time", _over_time(main))
    if any(len(figures.pass_at_k) > 1 for figures in main.figures):
        yield Section("attempts", "Over attempts", _attempts(main))
    if document.comparisons:
        yield Section("comparisons", "Comparisons", _comparisons(document))
    if document.published:
        yield Section("published", "Published results", _published(document))
    yield Section("runs", f"Runs{of}", runs_table(main, folder), "Runs")
    for place, entry in enumerate(others, start=2):
        yield Section(f"result-{place}", entry.results.name or f"Result {place}", _other(entry, folder))
    yield conditions_section(document.entries)


def _other(entry: ResultsDocument, folder: Path) -> str:
    """A result that the main one is compared with: its figures, and folded its competitions and runs."""
    parts = [
        "".join(map(warning, entry.notes)),
        _figures_table(entry),
        fold("Medals by competition", _medals(entry)),
        fold("Competitions", competitions_table(entry.competitions)),
        fold("Breakdown", _breakdown(entry)),
    ]
    if used := usage_tables(entry, headings=False):
        parts.append(fold("Calls to models", used))
    return "".join((*parts, fold("Runs", runs_table(entry, folder))))


def _figures(entry: ResultsDocument, *, alone: bool) -> str:
    """The first figures of a result; `alone` where no standings have told what they are relative to, and what runs took."""
    parts: list[str] = [*map(warning, entry.notes), cards([*map(_card, entry.figures), *(totals(entry) if alone else ())])]
    if alone and (beside := nearest_published(entry)):
        parts.append(f'<p class="winner">{escape(beside)}</p>')
    chart = chart_figure("bars", charts.medals_by_split(entry), charts.OUTCOMES, "Share of runs by split.")
    return "".join((*parts, _figures_table(entry), chart))


def _figures_table(entry: ResultsDocument) -> str:
    header = ["Split", "Competitions", "Seeds", *(title.capitalize() for title in METRIC_TITLES.values())]
    rows = [
        [
            figures.selection.name + (" †" if figures.padded else ""),
            len(figures.selection.competition_ids),
            figures.seeds,
            *(_mean_cell(figures.metrics[name]) for name in METRIC_TITLES),
        ]
        for figures in entry.figures
    ]
    return sortable_table(header, rows) + note("Percentages: mean over seeds ± one standard error. Above median includes medals.")


def _card(figures: SelectionFigures) -> Card:
    medals = figures.metrics["any_medal_percentage"]
    about = f"95 % over {figures.seeds} seeds: {interval(medals.interval)}" if figures.seeds > 1 else "one seed"
    name = figures.selection.name + (" †" if figures.padded else "")
    return Card(f"{name}: any medal", f"{plus_minus(medals)} %", [about, f"over competitions: {interval(figures.bootstrap)}"])


def _medals(entry: ResultsDocument) -> str:
    svg = charts.medals_by_competition(entry.competitions)
    return chart_figure("bars", svg, charts.OUTCOMES, "Runs of each competition by result; one run per seed.")


def _breakdown(entry: ResultsDocument) -> str:
    counts_header: list[str | Head] = [
        "Split",
        "Runs",
        "Valid",
        "Invalid",
        "No submission",
        "Infrastructure failure",
        "Not graded",
    ]
    counts_header += [
        Head(title, f"runs that ended as {state}, with or without a submission") for state, title in _STATES.items()
    ]
    counts = [_counts(entry, figures) for figures in entry.figures]
    # splits overlap, so their counts cannot be added
    invalid = [run for row in entry.competitions for run in row.runs if run.outcome == "invalid"]
    reasons = Counter(run.error or "no reason recorded" for run in invalid).most_common()
    listed = bullets([f"{times} × {reason}" for reason, times in reasons]) if reasons else ""
    parts = ["<h3>How runs ended</h3>", sortable_table(counts_header, counts), listed, "<h3>Medal rate under other rules</h3>"]
    header: list[str | Head] = [
        "Split",
        "All runs",
        "Without known leaks",
        "Without known leaks or faults",
        Head("Best snapshot", "if each run had submitted its best snapshot"),
    ]
    rows = [
        [
            figures.selection.name,
            _mean_cell(figures.metrics["any_medal_percentage"]),
            _clean_cell(figures.without_known_leaks),
            _clean_cell(figures.without_known_issues),
            _mean_cell(figures.best_snapshot),
        ]
        for figures in entry.figures
    ]
    parts += [sortable_table(header, rows), *(_excluded(figures) for figures in entry.figures)]
    parts += ["<h3>Any medal by modality</h3>", _modalities(entry)]
    return "".join(parts)


def _counts(entry: ResultsDocument, figures: SelectionFigures) -> list[object]:
    ended = figures.counts
    outcomes = [ended.runs, ended.valid, ended.invalid, ended.missing, ended.infrastructure, ended.not_graded]
    states = [run.state for run in runs_of(entry, figures)]
    counts = (*outcomes, *(states.count(state) for state in _STATES))
    return [figures.selection.name, *(Cell(whole(count), count) for count in counts)]


def _mean_cell(estimate: Estimate | None, below: str = "") -> Cell:
    return Cell(plus_minus(estimate), estimate.mean if estimate is not None else None, below=below)


def _clean_cell(clean: CleanFigures) -> Cell:
    return _mean_cell(clean.metrics.get("any_medal_percentage"), f"over {counted(clean.competitions, 'competition')}")


def _excluded(figures: SelectionFigures) -> str:
    excluded = figures.without_known_leaks.excluded
    if not excluded:
        return ""
    title = f"{counted(len(excluded), 'competition')} excluded from {figures.selection.name} for known leaks"
    entries = [f"{competition_id}: {', '.join(issues)}" for competition_id, issues in excluded.items()]
    return fold(title, bullets(entries))


def _modalities(entry: ResultsDocument) -> str:
    names = sorted({share.modality for figures in entry.figures for share in figures.modalities})
    by_split = [{share.modality: share for share in figures.modalities} for figures in entry.figures]
    rows: list[list[object]] = []
    for name in names:
        cells: list[object] = [name]
        for shares in by_split:
            share = shares.get(name)
            text = f"{plus_minus(share.any_medal_percentage)} ({share.competitions})" if share else NOTHING
            cells.append(Cell(text, share.any_medal_percentage.mean if share else None))
        rows.append(cells)
    header = ["Modality", *(f"{figures.selection.name} (competitions)" for figures in entry.figures)]
    return sortable_table(header, rows)


def _over_time(entry: ResultsDocument) -> str:
    parts = []
    for name, points in entry.time.items():
        parts.append(f"<h3>{escape(name)}</h3>")
        parts.append(chart_figure("lines", charts.shares(points, "hours"), charts.TIME_SERIES, "Share of runs over time."))
        relative = charts.relative_score(points, "hours")
        parts.append(chart_figure("lines", relative, (), "Mean relative score over time: 0 at the median, 1 at gold."))
        parts += [_over_spending(axis, curves[name]) for axis, curves in entry.spending.items() if name in curves]
    scored = any(len(curve.points) > 1 for curve in entry.run_curves)
    parts.append(f"<h3>{'Scores' if scored else 'Calls'} of each run</h3>")
    for competition_id, curves in groupby(entry.run_curves, key=lambda curve: curve.competition_id):
        parts.append(fold(competition_id, _scores_of_competition(list(curves))))
    return "".join(parts)


def _over_spending(axis: SpendingAxis, curve: SpendingCurve) -> str:
    """The same over what each run had spent; closed, as time is the usual axis."""
    title = {"usd": "over money", "tokens": "over tokens"}[axis]
    of = f"{counted(curve.runs, 'run')}, {curve.left_out} omitted"
    relative = charts.relative_score(curve.points, axis)
    parts = [
        chart_figure("lines", charts.shares(curve.points, axis), charts.TIME_SERIES, f"Share of {of}, {title}."),
        chart_figure("lines", relative, (), f"Mean relative score {title}: 0 at the median, 1 at gold."),
    ]
    if any(point.medals_per_unit is not None for point in curve.points):
        of_total = {"usd": "dollar", "tokens": "million tokens"}[axis]
        caption = f"Medals per {of_total} spent by all these runs together."
        parts.append(chart_figure("lines", charts.medals_per_unit(curve.points, axis), (), caption))
    return fold(f"The same {title}", "".join(parts))


def _scores_of_competition(curves: list[RunCurve]) -> str:
    seeds = [f"seed {curve.seed}" for curve in curves]
    if not any(len(curve.points) > 1 for curve in curves):
        return chart_figure("lines", charts.calls_of_competition(curves), (), _about_ticks(curves))
    parts = [chart_figure("lines", charts.scores_of_competition(curves), seeds, _about_ticks(curves))]
    # one more alone, as these charts are most of the page's weight
    if axis := next((axis for axis in SPENDING_AXES if any(getattr(curve, axis) is not None for curve in curves)), None):
        parts.append(chart_figure("lines", charts.scores_of_competition(curves, axis), seeds, ""))
    return "".join(parts)


def _about_ticks(curves: list[RunCurve]) -> str:
    """What the ticks below the scores are, and how many there would be; empty if there is none."""
    checks, asked = (sum(times.calls for times in kind) for kind in zip(*map(charts.ticks_of, curves), strict=True))
    if not checks and not asked:
        return ""
    rows = [times for curve in curves for times in charts.ticks_of(curve)]
    thinned = any(len(times.hours) < times.calls - times.outside for times in rows)
    less = "; runs with more than 200 of a kind show an evenly spaced selection" if thinned else ""
    outside = sum(times.outside for times in rows)
    more = f"; without {counted(outside, 'call')} dated outside the run's time" if outside else ""
    kinds = ((checks, "of the submission checker"), (asked, "to models"))
    told = " and ".join(f"{counted(calls, 'call')} {whom}" for calls, whom in kinds if calls)
    return f"Ticks, a row per seed: {told}{less}{more}."


def _attempts(entry: ResultsDocument) -> str:
    series = {
        figures.selection.name: [(float(point.k), point.percentage) for point in figures.pass_at_k]
        for figures in entry.figures
        if len(figures.pass_at_k) > 1
    }
    caption = "pass@k: the probability of a medal in at least one of k attempts, averaged over competitions (unbiased estimator)."
    return chart_figure("lines", charts.pass_at_k(series), list(series), caption)


def _comparisons(document: Document) -> str:
    header: list[str | Head] = ["Results", "Split", "Difference (points)", "95 % over competitions"]
    header += [
        Head("By medals", "competitions where the first earned more, the same number or fewer"),
        Head("By score", "by mean score"),
    ]
    header += ["Remarks"]
    has_usage = any(entry.usage or entry.reported_usage for entry in document.entries)
    header += ["USD per medal"] if has_usage else []
    rows = [
        [
            f"{entry.first} − {entry.second}",
            Cell(entry.selection.name, text=True),
            Cell(signed(entry.any_medal_difference, 2), entry.any_medal_difference),
            Cell(interval(entry.interval), entry.interval.lower if entry.interval else None),
            *map(_test_cell, (entry.medal_sign_test, entry.score_sign_test)),
            Cell("; ".join(entry.notes) or NOTHING, long=True),
            *([_costs(entry)] if has_usage else []),
        ]
        for entry in document.comparisons
    ]
    parts = [sortable_table(header, rows), note("p-values of the exact two-sided sign test by competition.")]
    # equal for every split
    differ = {f"{entry.first} and {entry.second}": entry.differences for entry in document.comparisons if entry.differences}
    if differ:
        parts.append(bullets([f"{both} differ in: {', '.join(told)}" for both, told in differ.items()]))
    axes: tuple[tuple[Literal["hours", "gpus"], str], ...] = (("hours", "time limit"), ("gpus", "GPUs"))
    for axis, name in axes:
        if len({getattr(point, axis) for point in document.budgets} - {None}) > 1:
            names = dict.fromkeys(point.agent for point in document.budgets if getattr(point, axis) is not None)
            parts.append(chart_figure("lines", charts.budgets(document.budgets, axis), list(names), f"Medals over {name}."))
    return "".join(parts)


def _test_cell(test: SignTest) -> Cell:
    return Cell(
        f"{test.wins} better, {test.ties} equal, {test.losses} worse", test.wins - test.losses, below=p_value(test.p_value)
    )


def _costs(comparison: Comparison) -> Cell:
    first = cost_per_medal(comparison.first_usage, comparison.first_reported_usage)
    second = cost_per_medal(comparison.second_usage, comparison.second_reported_usage)
    return Cell(f"{first} against {second}", long=True)


def _published(document: Document) -> str:
    main = document.main
    header = ["Agent", "Models", *(name.capitalize() for name in SPLIT_NAMES), "Time limit", "Date", "Remarks"]
    own: list[object] = [
        Cell(main.results.name or "This report", css="own"),
        Cell(", ".join(main.results.conditions.models or ()) or NOTHING, long=True),
        *(Cell(figure, figure.split(" ")[0]) for figure in split_figures(main, SPLIT_NAMES)),
        Cell(duration(main.results.conditions.hours), main.results.conditions.hours),
        str(main.date or NOTHING),
        Cell("this report", long=True),
    ]
    rows = [own]
    for result in document.published:
        known = {
            "claimed, not on the board": not result.on_board,
            "profits from known leaks": result.uses_known_leaks,
            "padded with failures": result.padded,
        }
        figures = [result.any_medal[name] for name in SPLIT_NAMES]
        remarks = ", ".join(remark for remark, holds in known.items() if holds)
        rows.append(
            [
                result.agent,
                Cell(result.models or NOTHING, long=True),
                *(Cell(plus_minus(figure), None if figure is None else figure.mean) for figure in figures),
                Cell(duration(result.hours), result.hours),
                result.date.isoformat(),
                Cell(remarks or NOTHING, long=True),
            ]
        )
    return sortable_table(header, rows, sticky=True) + note(f"Source: {SOURCE}.")
