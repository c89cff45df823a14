"""A review as tables in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from grading.printable import printable
from grading.wording import counted
from mlebench._support.tables import FittingTable
from mlebench.evidence.review.outcome import GroupReview
from mlebench.reports.flagged_runs import FlaggedTotals
from mlebench.reports.review_figures import ReviewFigures
from mlebench.reports.review_words import (
    FLAGGED_NOTE,
    familiarity_lines,
    model_lines,
    place_text,
    runs_text,
    similarity_lines,
    skipped_lines,
    summary,
    totals_header,
    totals_rows,
)

_MOST_ROWS = 25
_MOST_PLACES = 3
_LEVEL_STYLES = {"violation": "bold red", "look": "yellow"}


def review_parts(figures: ReviewFigures, *, details: bool) -> Iterator[RenderableType]:
    """The section of a report, part by part."""
    for kept in figures.reviews:
        yield from group_parts(kept.review, details=details)
    yield totals_table(figures.totals)
    if figures.unreviewed:
        yield Text(f"{counted(figures.unreviewed, 'run')} of this report not reviewed.", style="yellow")


def group_parts(review: GroupReview, *, details: bool) -> Iterator[RenderableType]:
    """One group's review: what was found in all, each finding, and what was not looked at.

    Args:
        details: also show findings after the first 25.
    """
    yield Text(f"Review of {printable(review.group, 200)}: {summary(review)}.", style="bold")
    if review.findings:
        yield _findings(review, details)
    if not details and len(review.findings) > _MOST_ROWS:
        yield Text(f"{len(review.findings) - _MOST_ROWS:,} more findings; add --details to list them.", style="dim")
    for line in skipped_lines(review):
        yield Text(f"Not reviewed: {line}", style="yellow")
    for line in similarity_lines(review):
        yield Text(f"Code, {line}")
    for line in model_lines(review):
        yield Text(f"Judges, {line}")
    for line in familiarity_lines(review):
        yield Text(f"Familiarity, {line}")


def totals_table(totals: Sequence[FlaggedTotals]) -> FittingTable:
    """Figures with and without flagged runs."""
    table = FittingTable(
        title="With and without flagged runs", title_justify="left", caption=FLAGGED_NOTE, caption_justify="left"
    )
    for place, column in enumerate(totals_header()):
        table.add_column(column, justify="left" if place < 2 else "right")
    for row in totals_rows(totals):
        table.add_row(*map(Text, row))
    return table


def _findings(review: GroupReview, details: bool) -> FittingTable:
    table = FittingTable()
    for column in ("level", "rule", "runs", "what was found", "where"):
        table.add_column(column, overflow="fold")
    for finding in review.findings[: None if details else _MOST_ROWS]:
        level = Text(finding.level, style=_LEVEL_STYLES[finding.level])
        cells = (printable(finding.rule), runs_text(finding, review), printable(finding.text, None))
        places = [f"{place_text(entry)}{f'  {entry.quote}' if entry.quote else ''}" for entry in finding.evidence[:_MOST_PLACES]]
        more = len(finding.evidence) - _MOST_PLACES
        places += [f"and {more:,} more"] if more > 0 else []
        table.add_row(level, *map(Text, cells), Text("\n".join(places)))
    return table
