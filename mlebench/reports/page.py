"""A report as one page: a single file without network, with sortable tables, charts and links to the runs' logs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from grading.wording import counted
from mlebench._support.files import write_text
from mlebench.reports import charts
from mlebench.reports.comparison import Comparison
from mlebench.reports.document import CompetitionRow, Document, ResultsDocument, RunRow
from mlebench.reports.figures import CleanFigures, SelectionFigures
from mlebench.reports.markup import Cell, Section, bullets, chart_figure, sortable_table, whole_page
from mlebench.reports.notation import (
    MEASURED,
    METRIC_TITLES,
    NOTHING,
    OUTCOME_TITLES,
    REPORTED,
    conditions_text,
    cost_per_medal,
    direction,
    hours,
    interval,
    number,
    p_value,
    plus_minus,
    run_text,
    run_usage,
    score,
    split_figures,
    usage_rows,
    usd,
    whole,
)
from mlebench.reports.published_results import SOURCE, SPLIT_NAMES
from mlebench.reports.review_page import review_section
from mlebench.reports.scaling import SPENDING_AXES, RunCurve, SpendingAxis, SpendingCurve
from mlebench.reports.spending import UsageFigures
from mlebench.runs.usage import Usage

_LINKS = (("run.log", "log"), ("logs", "logs"), ("code", "code"), ("submission/submission.csv", "submission"))


def write_page(document: Document, path: Path) -> None:
    """Write the page; links to logs are relative to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, make_page(document, path.parent))


def make_page(document: Document, folder: Path) -> str:
    """The page's HTML.

    Args:
        folder: where the page will lie; links are relative to it.
    """
    main = document.main
    lead = " · ".join(filter(None, (conditions_text(main.results), str(main.date or ""))))
    return whole_page(main.results.name or "Report", lead, list(sections_of(document, folder)))


def sections_of(document: Document, folder: Path) -> Iterator[Section]:
    """The parts of a page about a report; links to the runs' files are relative to `folder`, where the page will lie."""
    main = document.main
    yield Section("figures", "Figures", _figures(main))
    yield Section("medals", "Medals by competition", _medals(main))
    yield Section("competitions", "Competitions", _competitions(main.competitions))
    yield Section("totals", "Beside the full figure", _honest_totals(main))
    if main.review is not None:
        yield review_section(main.review, folder)
    if usage_rows(main):
        yield Section("usage", "Calls to models", _usage(main))
    if main.time or main.run_curves:
        yield Section("time", "Over time, money and tokens" if main.spending else "Over time", _over_time(main))
    if any(len(figures.pass_at_k) > 1 for figures in main.figures):
        yield Section("attempts", "Over attempts", _attempts(main))
    if document.comparisons:
        yield Section("comparisons", "Comparisons", _comparisons(document))
    if document.published:
        yield Section("published", "Published results", _published(document))
    yield Section("runs", "Runs", _runs(main, folder))


def _figures(entry: ResultsDocument) -> str:
    notes = "".join(f'<p class="warning">{escape(note)}</p>' for note in entry.notes)
    cards = "".join(_card(figures) for figures in entry.figures)
    header = ["Split", "Competitions", "Seeds", *(title.capitalize() for title in METRIC_TITLES.values())]
    rows = [
        [
            figures.selection.name + (" †" if figures.padded else ""),
            len(figures.selection.competition_ids),
            figures.seeds,
            *(Cell(plus_minus(figures.metrics[name]), figures.metrics[name].mean) for name in METRIC_TITLES),
        ]
        for figures in entry.figures
    ]
    chart = chart_figure("bars", charts.medals_by_split(entry), charts.OUTCOMES, "Share of runs by split.")
    caption = '<p class="note">Percentages: mean over seeds ± one standard error.</p>'
    return f'{notes}<ul class="cards">{cards}</ul>{sortable_table(header, rows)}{caption}{chart}'


def _card(figures: SelectionFigures) -> str:
    medals = figures.metrics["any_medal_percentage"]
    about = f"95 % over {figures.seeds} seeds: {interval(medals.interval)}" if figures.seeds > 1 else "one seed"
    over = f"over competitions: {interval(figures.bootstrap)}"
    name = escape(figures.selection.name) + (" †" if figures.padded else "")
    return f"<li>{name}: any medal<strong>{plus_minus(medals)}</strong><small>{about}<br>{over}</small></li>"


def _medals(entry: ResultsDocument) -> str:
    svg = charts.medals_by_competition(entry.competitions)
    return chart_figure("bars", svg, charts.OUTCOMES, "Runs of each competition by what they earned; one run per seed.")


def _competitions(rows: Sequence[CompetitionRow]) -> str:
    seeds = max(len(row.runs) for row in rows)
    header = ["Competition", "Split", "Modality", "Better", *(f"Seed {seed}" for seed in range(seeds))]
    header += ["Medals", "Relative", "Median", "Bronze", "Silver", "Gold"]
    cells = [_competition_cells(row) for row in rows]
    caption = (
        '<p class="note">Relative: the mean score where 0 is the leaderboard’s median and 1 its gold threshold. '
        "G, S and B mark gold, silver and bronze.</p>"
    )
    return sortable_table(header, cells, sticky=True) + caption


def _competition_cells(row: CompetitionRow) -> list[object]:
    medals = sum(run.medal is not None for run in row.runs)
    return [
        row.info.competition_id,
        Cell(row.info.split, text=True),
        Cell(row.info.modality, text=True),
        direction(row),
        *(_run_cell(run) for run in row.runs),
        Cell(f"{medals}/{len(row.runs)}", row.medal_rate),
        Cell(number(row.mean_normalized_score), row.mean_normalized_score),
        *(Cell(score(row.thresholds[name]), row.thresholds[name]) for name in ("median", "bronze", "silver", "gold")),
    ]


def _run_cell(run: RunRow) -> Cell:
    if run.outcome != "valid":
        return Cell(OUTCOME_TITLES[run.outcome], None, css="faint", tooltip=run.error or "")
    return Cell(run_text(run) if run.data == "mock" else score(run.score), run.score, medal=run.medal, tooltip=run_text(run))


def _honest_totals(entry: ResultsDocument) -> str:
    counts_header = ["Split", "Runs", "Valid", "Invalid", "No submission", "Infrastructure failure", "Not graded"]
    counts = [
        [name, ended.runs, ended.valid, ended.invalid, ended.missing, ended.infrastructure, ended.not_graded]
        for name, ended in ((figures.selection.name, figures.counts) for figures in entry.figures)
    ]
    # splits overlap, so their counts cannot be added
    invalid = [run for row in entry.competitions for run in row.runs if run.outcome == "invalid"]
    reasons = Counter(run.error or "no reason recorded" for run in invalid).most_common()
    listed = bullets([f"{times} × {reason}" for reason, times in reasons]) if reasons else ""
    parts = ["<h3>How runs ended</h3>", sortable_table(counts_header, counts), listed, "<h3>Any medal, seen otherwise</h3>"]
    header = ["Split", "Full figure", "Without known leaks", "Without known leaks or faults", "Best snapshot"]
    rows = [
        [
            figures.selection.name,
            plus_minus(figures.metrics["any_medal_percentage"]),
            _clean_text(figures.without_known_leaks),
            _clean_text(figures.without_known_issues),
            plus_minus(figures.best_snapshot),
        ]
        for figures in entry.figures
    ]
    parts += [sortable_table(header, rows), *(_excluded(figures) for figures in entry.figures)]
    parts += ["<h3>Any medal by modality</h3>", _modalities(entry)]
    return "".join(parts)


def _clean_text(clean: CleanFigures) -> str:
    return f"{plus_minus(clean.metrics.get('any_medal_percentage'))} over {clean.competitions}"


def _excluded(figures: SelectionFigures) -> str:
    excluded = figures.without_known_leaks.excluded
    if not excluded:
        return ""
    title = f"{len(excluded)} competitions left out of {escape(figures.selection.name)} for known leaks"
    entries = [f"{competition_id}: {', '.join(issues)}" for competition_id, issues in excluded.items()]
    return f"<details><summary>{title}</summary>{bullets(entries)}</details>"


def _usage(entry: ResultsDocument) -> str:
    parts = [_usage_table("Split", usage_rows(entry))]
    parts.append(
        '<p class="note">Measured: by the gateway to models. Reported by the agent: its own claim, of runs without a gateway. '
        "Input holds cached tokens, output those of reasoning. An amount with an unknown part, such as a price, is –.</p>"
    )
    if entry.usage is not None and entry.usage.total.models:
        models: list[list[object]] = [[name, *_amounts(used)] for name, used in entry.usage.total.models.items()]
        parts += ["<h3>By model, as measured</h3>", sortable_table(["Model", "USD", *_AMOUNTS], models)]
    competitions = [
        (row.info.competition_id, source, figures)
        for row in entry.competitions
        for source, figures in ((MEASURED, row.usage), (REPORTED, row.reported_usage))
        if figures is not None
    ]
    parts += ["<h3>By competition</h3>", _usage_table("Competition", competitions, sticky=True)]
    return "".join(parts)


_AMOUNTS = {
    "Calls": "calls",
    "Failed": "failed_calls",
    "Refused": "refused_calls",
    "Input tokens": "input_tokens",
    "Cached": "cached_tokens",
    "Output tokens": "output_tokens",
    "Reasoning": "reasoning_tokens",
}


def _amounts(used: Usage | None) -> list[Cell]:
    """The cells under `USD` and `_AMOUNTS`."""
    cost = used.cost_usd if used is not None else None
    counts = [None if used is None else getattr(used, name) for name in _AMOUNTS.values()]
    return [Cell(usd(cost), cost), *(Cell(whole(count), count) for count in counts)]


def _usage_table(name: str, rows: Sequence[tuple[str, str, UsageFigures]], *, sticky: bool = False) -> str:
    """A table of usage by splits or competitions.

    Args:
        name: over the first column.
        rows: name, who says so, and figures.
    """
    cells: list[list[object]] = []
    for title, source, figures in rows:
        cost, *counts = _amounts(figures.total)
        medal, tokens = figures.cost_per_medal_usd, figures.tokens_per_medal
        per_medal = Cell(usd(medal), medal)
        cells.append([title, Cell(source, text=True), figures.runs, cost, per_medal, *counts, Cell(whole(tokens), tokens)])
    header = [name, "Usage", "Runs", "USD", "USD per medal", *_AMOUNTS, "Tokens per medal"]
    return sortable_table(header, cells, sticky=sticky)


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
        parts.append(f"<details><summary>{escape(competition_id)}</summary>{_scores_of_competition(list(curves))}</details>")
    return "".join(parts)


def _over_spending(axis: SpendingAxis, curve: SpendingCurve) -> str:
    """The same over what each run had spent; closed, as time is the usual axis."""
    title = {"usd": "over money", "tokens": "over tokens"}[axis]
    of = f"{counted(curve.runs, 'run')}, {curve.left_out} left out"
    relative = charts.relative_score(curve.points, axis)
    parts = [
        chart_figure("lines", charts.shares(curve.points, axis), charts.TIME_SERIES, f"Share of {of}, {title}."),
        chart_figure("lines", relative, (), f"Mean relative score {title}: 0 at the median, 1 at gold."),
    ]
    if any(point.medals_per_unit is not None for point in curve.points):
        of_total = {"usd": "each dollar", "tokens": "each million tokens"}[axis]
        caption = f"Medals for {of_total} that all these runs together had spent."
        parts.append(chart_figure("lines", charts.medals_per_unit(curve.points, axis), (), caption))
    return f"<details><summary>The same {title}</summary>{''.join(parts)}</details>"


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
    """What the ticks below the scores are, and how many there would be; empty where there is none."""
    checks, asked = (sum(times.calls for times in kind) for kind in zip(*map(charts.ticks_of, curves), strict=True))
    if not checks and not asked:
        return ""
    rows = [times for curve in curves for times in charts.ticks_of(curve)]
    thinned = any(len(times.hours) < times.calls - times.outside for times in rows)
    less = "; of a run with more than 200 of a kind every so many, from first to last" if thinned else ""
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
    caption = "pass@k: the chance of a medal in at least one of k attempts, averaged over competitions (unbiased estimator)."
    return chart_figure("lines", charts.pass_at_k(series), list(series), caption)


def _comparisons(document: Document) -> str:
    header = ["Results", "Split", "Difference (points)", "95 % over competitions", "By medals", "By score", "Remarks"]
    has_usage = any(entry.usage or entry.reported_usage for entry in document.entries)
    header += ["USD per medal"] if has_usage else []
    rows = [
        [
            f"{entry.first} − {entry.second}",
            Cell(entry.selection.name, text=True),
            Cell(f"{entry.any_medal_difference:+.2f}", entry.any_medal_difference),
            interval(entry.interval),
            *(
                f"{test.wins} better, {test.ties} equal, {test.losses} worse ({p_value(test.p_value)})"
                for test in (entry.medal_sign_test, entry.score_sign_test)
            ),
            Cell("; ".join(entry.notes) or NOTHING, text=True),
            *([_costs(entry)] if has_usage else []),
        ]
        for entry in document.comparisons
    ]
    parts = [sortable_table(header, rows), '<p class="note">p-values of the exact two-sided sign test by competition.</p>']
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


def _costs(comparison: Comparison) -> Cell:
    first = cost_per_medal(comparison.first_usage, comparison.first_reported_usage)
    second = cost_per_medal(comparison.second_usage, comparison.second_reported_usage)
    return Cell(f"{first} against {second}", text=True)


def _published(document: Document) -> str:
    main = document.main
    header = ["Agent", "Models", *(name.capitalize() for name in SPLIT_NAMES), "Hours", "Date", "Remarks"]
    own: list[object] = [
        Cell(main.results.name or "This report", css="own"),
        Cell(", ".join(main.results.conditions.models or ()) or NOTHING, text=True),
        *(Cell(figure, figure.split(" ")[0]) for figure in split_figures(main, SPLIT_NAMES)),
        hours(main.results.conditions.hours),
        str(main.date or NOTHING),
        Cell("this report", text=True),
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
                Cell(NOTHING if result.hours is None else str(result.hours), result.hours),
                result.date.isoformat(),
                Cell(remarks or NOTHING, text=True),
            ]
        )
    return sortable_table(header, rows, sticky=True) + f'<p class="note">Source: {escape(SOURCE)}.</p>'


def _runs(entry: ResultsDocument, folder: Path) -> str:
    header = ["Competition", "Seed", "Outcome", "Score", "Rank", "State", "Hours", "GPU hours", "Memory (GiB)"]
    header += ["Files", "Why", "Checks", "Refused checks", "Files checked", "Graded file checked"]
    runs = [(row, run) for row in entry.competitions for run in row.runs]
    rows = [_run_cells(row, run, folder) for row, run in runs]
    if usage_rows(entry):
        header += ["Usage", "USD", *_AMOUNTS]
        rows = [[*cells, *_usage_cells(run)] for cells, (_, run) in zip(rows, runs, strict=True)]
    checks = f'<p class="note">Submission checker: {escape(entry.checks.sentence)}.</p>' if entry.checks else ""
    return sortable_table(header, rows, sticky=True) + checks


def _usage_cells(run: RunRow) -> list[Cell]:
    used, source = run_usage(run)
    return [Cell(source, text=True), *_amounts(used)]


def _run_cells(row: CompetitionRow, run: RunRow, folder: Path) -> list[object]:
    rank = f"{run.rank} of {run.leaderboard_size}" if run.rank is not None else NOTHING
    memory = run.peak_memory_bytes / 2**30 if run.peak_memory_bytes else None
    return [
        row.info.competition_id,
        run.seed,
        Cell(OUTCOME_TITLES[run.outcome], text=True),
        Cell(score(run.score), run.score, medal=run.medal),
        Cell(rank, run.rank),
        Cell(run.state or NOTHING, text=True),
        Cell(number(run.hours), run.hours),
        Cell(number(run.gpu_hours), run.gpu_hours),
        Cell(number(memory), memory),
        Cell(links=_links(run, folder), text=True),
        Cell(run.error or NOTHING, long=True),
        *(Cell(whole(count), count) for count in (run.checks, run.refused_checks, run.checked_files)),
        Cell({True: "yes", False: "no", None: NOTHING}[run.submission_was_checked], text=True),
    ]


def _links(run: RunRow, folder: Path) -> list[tuple[str, str]]:
    if run.folder is None:
        return []
    found = [(Path(run.folder) / name, label) for name, label in _LINKS]
    return [(quote(os.path.relpath(path, folder.absolute())), label) for path, label in found if path.exists()]
