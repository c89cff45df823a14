"""A report as tables in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType
from rich.text import Text

from grading.wording import counted
from mlebench._support.tables import FittingTable
from mlebench._support.terminal import make_console
from mlebench.reports.comparison import Comparison
from mlebench.reports.contamination import Familiarity, FamiliarityGap
from mlebench.reports.document import Document, ResultsDocument
from mlebench.reports.figures import CleanFigures, SelectionFigures
from mlebench.reports.notation import (
    METRIC_TITLES,
    NOTHING,
    REPORTED,
    competition_usage,
    conditions_text,
    cost_per_medal,
    direction,
    duration,
    interval,
    issues_text,
    number,
    p_value,
    plus_minus,
    run_text,
    run_usage,
    score,
    split_figures,
    tokens_per_medal,
    usage_rows,
    usd,
    whole,
)
from mlebench.reports.published_results import SPLIT_NAMES, PublishedResult
from mlebench.reports.review_terminal import review_parts
from mlebench.reports.spending import UsageFigures
from mlebench.reports.statistics import Interval
from mlebench.runs.usage import Usage

_MEDAL_STYLES = {"gold": "bold yellow", "silver": "bold white", "bronze": "bold dark_orange3"}
_MOST_ROWS = 25
_PERCENTAGES = "percentages: mean ± one standard error over seeds; interval: 95 % over seeds"


def print_document(document: Document, *, details: bool = False, console: Console | None = None) -> None:
    """Print a report.

    Args:
        details: also print the per-competition table where it has more than 25 rows.
        console: by default standard output.
    """
    console = console or make_console()
    for entry in document.entries:
        for part in _results(entry, details):
            console.print(part)
    for comparison in document.comparisons:
        console.print(_comparison(comparison))
    if document.published:
        console.print(_published(document.main, document.published))


def _results(entry: ResultsDocument, details: bool) -> Iterator[RenderableType]:
    yield Text(_title(entry), style="bold")
    yield _figures(entry)
    for figures in entry.figures:
        yield Text("\n".join(_sentences(figures)))
    if details or len(entry.competitions) <= _MOST_ROWS:
        yield _competitions(entry)
    else:
        yield Text(f"{len(entry.competitions)} competitions; add --details to list them.", style="dim")
    if rows := usage_rows(entry):
        yield _usage(rows)
        yield from _models(entry)
        if details:
            yield _usage_of_runs(entry)
    if entry.checks is not None and (entry.checks.verdicts or entry.checks.refused):
        yield Text(f"Submission checker: {entry.checks.sentence}.")
    if entry.review is not None:
        yield from review_parts(entry.review, details=details)
    for note in entry.notes:
        yield Text(f"Note: {note}", style="yellow")


def _title(entry: ResultsDocument) -> str:
    return f"{entry.results.name or 'Reports'} · {conditions_text(entry.results)}"


def _figures(entry: ResultsDocument) -> FittingTable:
    table = FittingTable(caption=_PERCENTAGES, caption_justify="left")
    for column in ("split", "competitions", "seeds", *METRIC_TITLES.values(), "interval of any medal"):
        table.add_column(column, justify="left" if column == "split" else "right")
    for figures in entry.figures:
        table.add_row(*_figure_cells(figures))
    return table


def _figure_cells(figures: SelectionFigures) -> list[str]:
    medals = figures.metrics["any_medal_percentage"]
    name = figures.selection.name + (" †" if figures.padded else "")
    cells = [plus_minus(figures.metrics[key]) for key in METRIC_TITLES]
    return [name, str(len(figures.selection.competition_ids)), str(figures.seeds), *cells, interval(medals.interval)]


def _sentences(figures: SelectionFigures) -> Iterator[str]:
    counts = figures.counts
    yield f"{figures.selection.name}"
    yield (
        f"  {counted(counts.runs, 'run')}: {counts.valid} valid, {counts.invalid} invalid, {counts.missing} without submission, "
        f"{counted(counts.infrastructure, 'infrastructure failure')}, {counts.not_graded} not graded"
    )
    for reason, times in list(counts.invalid_reasons.items())[:5]:
        yield f"    {times} × {reason}"
    yield from _clean_sentence("leaks", figures.without_known_leaks)
    yield from _clean_sentence("leaks or faults", figures.without_known_issues)
    if figures.best_snapshot is not None:
        last = plus_minus(figures.metrics["any_medal_percentage"])
        yield f"  any medal by last submission {last}, by best snapshot {plus_minus(figures.best_snapshot)}"
    if len(figures.pass_at_k) > 1:
        yield "  " + ", ".join(f"pass@{entry.k} {entry.percentage:.2f}" for entry in figures.pass_at_k)
    yield f"  95 % over competitions (bootstrap): {interval(figures.bootstrap)}"
    if len(figures.modalities) > 1:
        shares = (
            f"{entry.modality} ({entry.competitions}) {plus_minus(entry.any_medal_percentage)}" for entry in figures.modalities
        )
        yield "  by modality: " + ", ".join(shares)


def _clean_sentence(what: str, clean: CleanFigures) -> Iterator[str]:
    if not clean.excluded:
        return
    figure = plus_minus(clean.metrics.get("any_medal_percentage"))
    named = issues_text(clean.excluded)
    yield f"  any medal without known {what}: {figure} over {clean.competitions}; {len(clean.excluded)} excluded: {named}"


def _competitions(entry: ResultsDocument) -> FittingTable:
    seeds = max(len(row.runs) for row in entry.competitions)
    claims = f"; ‡ {REPORTED}" if entry.reported_usage else ""
    table = FittingTable(caption=f"relative: 0 at the leaderboard's median, 1 at gold{claims}", caption_justify="left")
    table.add_column("competition", no_wrap=True)
    table.add_column("split")
    table.add_column("better")
    for seed in range(seeds):
        table.add_column(f"seed {seed}", justify="right", no_wrap=True)
    has_usage = bool(usage_rows(entry))
    for title in ("medals", "relative", "median", "bronze", "silver", "gold", *(("tokens", "USD") if has_usage else ())):
        table.add_column(title, justify="right")
    for row in entry.competitions:
        runs = [Text(run_text(run), style=_MEDAL_STYLES.get(run.medal or "", "")) for run in row.runs]
        thresholds = [score(row.thresholds[name]) for name in ("median", "bronze", "silver", "gold")]
        share = f"{sum(run.medal is not None for run in row.runs)}/{len(row.runs)}"
        relative = number(row.mean_normalized_score)
        used = competition_usage(row) if has_usage else ()
        table.add_row(row.info.competition_id, row.info.split, direction(row), *runs, share, relative, *thresholds, *used)
    return table


def _usage(rows: Sequence[tuple[str, str, UsageFigures]]) -> FittingTable:
    table = FittingTable(title="Calls to models", title_justify="left")
    for column in ("split", "usage", "runs", "calls", "failed", "input tokens", "output tokens", "USD", "USD per medal"):
        table.add_column(column, justify="left" if column in ("split", "usage") else "right")
    for name, source, figures in rows:
        used = figures.total
        counts = (figures.runs, used.calls, used.failed_calls, used.input_tokens, used.output_tokens)
        table.add_row(name, source, *map(whole, counts), usd(used.cost_usd), usd(figures.cost_per_medal_usd))
    return table


def _models(entry: ResultsDocument) -> Iterator[RenderableType]:
    models = entry.usage.total.models if entry.usage else {}
    if models:
        lines = [f"  {name}: {_model_words(used)}" for name, used in models.items()]
        yield Text("\n".join(["by model, as measured", *lines]))


def _model_words(used: Usage) -> str:
    cost = "cost unknown" if used.cost_usd is None else f"{usd(used.cost_usd)} USD"
    tokens = f"{whole(used.input_tokens)} input and {whole(used.output_tokens)} output tokens"
    return f"{counted(used.calls or 0, 'call')}, {whole(used.failed_calls)} failed, {tokens}, {cost}"


def _usage_of_runs(entry: ResultsDocument) -> FittingTable:
    table = FittingTable(title="Calls to models by run", title_justify="left")
    for column in ("competition", "seed", "usage", "calls", "failed", "input tokens", "output tokens", "USD"):
        table.add_column(column, justify="left" if column in ("competition", "usage") else "right")
    for row in entry.competitions:
        for run in row.runs:
            used, source = run_usage(run)
            if used is not None:
                counts = (used.calls, used.failed_calls, used.input_tokens, used.output_tokens)
                table.add_row(row.info.competition_id, str(run.seed), source, *map(whole, counts), usd(used.cost_usd))
    return table


def _comparison(comparison: Comparison) -> Text:
    medal, by_score = comparison.medal_sign_test, comparison.score_sign_test
    lines = [
        f"{comparison.first or 'first'} against {comparison.second or 'second'} on {comparison.selection.name}: "
        f"{comparison.any_medal_difference:+.2f} percentage points in medal rate "
        f"(95 % over competitions {interval(comparison.interval)})",
        f"  by medals: {medal.wins} better, {medal.ties} equal, {medal.losses} worse ({p_value(medal.p_value)}, sign test)",
        f"  by score: {by_score.wins} better, {by_score.ties} equal, {by_score.losses} worse ({p_value(by_score.p_value)})",
        *_costs(comparison),
        *([f"  Differ in: {', '.join(comparison.differences)}"] if comparison.differences else []),
        *(f"  Note: {note}" for note in comparison.notes),
    ]
    return Text("\n".join(lines))


def _costs(comparison: Comparison) -> Iterator[str]:
    first = comparison.first_usage, comparison.first_reported_usage
    second = comparison.second_usage, comparison.second_reported_usage
    if any(figures is not None for figures in (*first, *second)):
        yield f"  USD per medal: {cost_per_medal(*first)} against {cost_per_medal(*second)}"
        yield f"  tokens per medal: {tokens_per_medal(*first)} against {tokens_per_medal(*second)}"


def _published(main: ResultsDocument, results: Sequence[PublishedResult]) -> FittingTable:
    legend = "* known to profit from leaks of edition v1   † padded with failures   ‡ claimed, not on the board"
    table = FittingTable(caption=legend, caption_justify="left")
    table.add_column("agent")
    table.add_column("models")
    for title in (*SPLIT_NAMES, "time limit", "date"):
        table.add_column(title, justify="right")
    conditions = main.results.conditions
    budget = duration(conditions.hours)
    day = str(main.date or NOTHING)
    own = [main.results.name or "this report", ", ".join(conditions.models or ()), *split_figures(main, SPLIT_NAMES), budget, day]
    table.add_row(*own, style="bold", end_section=True)
    for result in results:
        marks = "*" * bool(result.uses_known_leaks) + "†" * bool(result.padded) + "‡" * (not result.on_board)
        figures = [plus_minus(result.any_medal[name]) for name in SPLIT_NAMES]
        allowed = duration(result.hours)
        table.add_row(f"{result.agent} {marks}".strip(), result.models or NOTHING, *figures, allowed, str(result.date))
    return table


def print_familiarity(entries: Sequence[Familiarity]) -> None:
    """Print the comparison of kinds of competitions as tables."""
    console = make_console()
    for entry in entries:
        table = FittingTable(title=" · ".join(filter(None, (entry.agent or "Reports", entry.models))), title_justify="left")
        for column in ("competitions of", "number", "runs", "normalised score", "95 %"):
            table.add_column(column, justify="left" if column == "competitions of" else "right")
        for figure in entry.figures:
            table.add_row(
                figure.kind, str(figure.competitions), str(figure.runs), f"{figure.mean:.3f}", interval(figure.interval, 3)
            )
        console.print(table)
        for gap in entry.gaps:
            console.print(_gap_sentence(gap))
    console.print(
        "normalised: 0 at the leaderboard's median or worse, 1 at gold or better; intervals are bootstrapped over competitions",
        style="dim",
    )


def _gap_sentence(gap: FamiliarityGap) -> str:
    over = (
        f"over {gap.competitions} shared competitions"
        if gap.paired
        else "different tasks, so memorisation is only one possible reason"
    )
    return f"kaggle − {gap.other}: {gap.difference:+.3f} ({interval(gap.interval, 3)}), {_side_of_zero(gap.interval)}; {over}"


def _side_of_zero(spread: Interval | None) -> str:
    if spread is None:
        return "one competition is too few for an interval"
    surely = "above" if spread.lower > 0 else "below" if spread.upper < 0 else "not distinguishable from"
    return f"{surely} 0"
