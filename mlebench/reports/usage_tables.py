"""What calls to models took, as tables of a page: by split, by model, by competition, and of one run."""

from __future__ import annotations

from collections.abc import Sequence

from mlebench.reports.components import note
from mlebench.reports.document import ResultsDocument, RunRow
from mlebench.reports.markup import Cell, Head, sortable_table
from mlebench.reports.notation import MEASURED, REPORTED, run_usage, usage_rows, usd, whole
from mlebench.reports.spending import UsageFigures
from mlebench.runs.usage import Usage

_AMOUNTS = {
    "Calls": "calls",
    "Failed calls": "failed_calls",
    "Refused calls": "refused_calls",
    "Input tokens": "input_tokens",
    "Cached tokens": "cached_tokens",
    "Output tokens": "output_tokens",
    "Reasoning tokens": "reasoning_tokens",
}
_HEADER = (
    Head("Calls", "calls that were answered, failed or rejected"),
    Head("Input", "input tokens, including cached ones"),
    Head("Output", "output tokens, including reasoning"),
)


def usage_tables(entry: ResultsDocument, *, headings: bool = True) -> str:
    """The tables of one result; empty if nobody says what its runs took."""
    rows = usage_rows(entry)
    if not rows:
        return ""
    parts = [_usage_table("Split", rows)]
    if headings:
        parts.append(
            note(
                "Measured: by the model gateway. Reported by the agent: claimed, for runs without a gateway. Input "
                "includes cached tokens, output includes reasoning. Amounts with an unknown part, such as a price, are –."
            )
        )
    if entry.usage is not None and entry.usage.total.models:
        models: list[list[object]] = [[name, _cost(used), *_amounts(used)] for name, used in entry.usage.total.models.items()]
        parts += ["<h3>By model, as measured</h3>", sortable_table(["Model", "USD", *_HEADER], models)]
    competitions = [
        (row.info.competition_id, source, figures)
        for row in entry.competitions
        for source, figures in ((MEASURED, row.usage), (REPORTED, row.reported_usage))
        if figures is not None
    ]
    parts += ["<h3>By competition</h3>", _usage_table("Competition", competitions, sticky=True)]
    return "".join(parts)


def run_costs(run: RunRow) -> list[Cell]:
    """The cells `USD` and `Tokens` of a run."""
    used, source = run_usage(run)
    mark = " ‡" if source == REPORTED else ""
    cost, tokens = (used.cost_usd, used.tokens) if used is not None else (None, None)
    return [Cell(usd(cost) + mark, cost), Cell(whole(tokens) + mark, tokens)]


def run_amounts(run: RunRow) -> list[tuple[str, object]]:
    """All that is known of what a run took, by name; empty if nobody says."""
    used, source = run_usage(run)
    if used is None:
        return []
    return [("Usage", source), *((name, whole(getattr(used, key))) for name, key in _AMOUNTS.items())]


def _cost(used: Usage) -> Cell:
    return Cell(usd(used.cost_usd), used.cost_usd)


def _amounts(used: Usage) -> list[Cell]:
    """The cells under `_HEADER`."""
    return [
        Cell(whole(used.calls), used.calls, below=f"{whole(used.failed_calls)} failed, {whole(used.refused_calls)} refused"),
        Cell(whole(used.input_tokens), used.input_tokens, below=f"{whole(used.cached_tokens)} cached"),
        Cell(whole(used.output_tokens), used.output_tokens, below=f"{whole(used.reasoning_tokens)} reasoning"),
    ]


def _usage_table(name: str, rows: Sequence[tuple[str, str, UsageFigures]], *, sticky: bool = False) -> str:
    """A table of usage by splits or competitions.

    Args:
        name: over the first column.
        rows: name, who says so, and figures.
    """
    cells: list[list[object]] = []
    for title, source, figures in rows:
        medal, tokens = figures.cost_per_medal_usd, figures.tokens_per_medal
        per_medal = [Cell(usd(medal), medal), Cell(whole(tokens), tokens)]
        amounts = [_cost(figures.total), *_amounts(figures.total)]
        cells.append([title, Cell(source, text=True), Cell(whole(figures.runs), figures.runs), *amounts, *per_medal])
    return sortable_table([name, "Usage", "Runs", "USD", *_HEADER, "USD per medal", "Tokens per medal"], cells, sticky=sticky)
