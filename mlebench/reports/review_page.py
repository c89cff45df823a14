"""A review as a section of a report's page, and as a self-contained page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from grading.wording import counted
from mlebench._support.files import write_text
from mlebench.evidence.review.finding import Evidence, ReviewFinding
from mlebench.evidence.review.outcome import GroupReview
from mlebench.reports import charts
from mlebench.reports.flagged_runs import FlaggedTotals
from mlebench.reports.markup import Cell, Section, bullets, chart_figure, sortable_table, whole_page
from mlebench.reports.notation import NOTHING
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

_MOST_ROWS = 2000
"""Findings of a group; `review.json` holds them all."""
_MOST_PLACES = 5
_ORDER = {"violation": 0, "look": 1}


def review_section(figures: ReviewFigures, folder: Path) -> Section:
    """The section of a report; links to evidence are relative to `folder`, where the page will lie."""
    parts = [totals_part(figures.totals)]
    if figures.unreviewed:
        parts.append(f'<p class="warning">{counted(figures.unreviewed, "run")} of this report not reviewed.</p>')
    parts += [group_part(kept.review, kept.folder, folder) for kept in figures.reviews]
    return Section("review", "Review", "".join(parts))


def write_findings_page(
    groups: Sequence[tuple[GroupReview, Path | None, Sequence[FlaggedTotals]]], path: Path, side_by_side: str | None
) -> None:
    """Write a self-contained page.

    Args:
        groups: each with its folder, to which evidence links, and its totals; no folder for one out of a bundle.
        path: the page; its folder is made where it is missing.
        side_by_side: name of the page of similar code next to it; None without one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    link = f'<p><a href="{quote(side_by_side)}">Similar code, side by side</a></p>' if side_by_side else ""
    sections = [
        Section(
            f"group-{number}", review.group, link + totals_part(totals) + group_part(review, folder, path.parent, heading=False)
        )
        for number, (review, folder, totals) in enumerate(groups)
    ]
    flagged = sum(len(review.flagged) for review, _, _ in groups)
    write_text(path, whole_page("Review", f"{counted(flagged, 'flagged run')} in {counted(len(groups), 'group')}", sections))


def totals_part(totals: Sequence[FlaggedTotals]) -> str:
    """Figures with and without flagged runs; empty if there are none."""
    if not totals:
        return ""
    header = [title.capitalize() for title in totals_header()]
    rows = [[name, Cell(over, text=True), *figures] for name, over, *figures in totals_rows(totals)]
    return f'{sortable_table(header, rows)}<p class="note">{escape(FLAGGED_NOTE)}</p>'


def group_part(review: GroupReview, group_folder: Path | None, folder: Path, *, heading: bool = True) -> str:
    """One group's review.

    Args:
        group_folder: that evidence links to; None if its files are not at hand.
        folder: where the page will lie.
        heading: whether the group's name stands over it.
    """
    title = f"<h3>{escape(review.group)}</h3>" if heading else ""
    parts = [title, f"<p>{escape(summary(review))}.</p>"]
    if review.findings:
        header = ["Level", "Rule", "Runs", "What was found", "Where", "Quote"]
        parts.append(sortable_table(header, [_cells(finding, review, group_folder, folder) for finding in _shown(review)]))
    if len(review.findings) > _MOST_ROWS:
        parts.append(f'<p class="note">{len(review.findings) - _MOST_ROWS:,} more findings are in the JSON document.</p>')
    if skipped := list(skipped_lines(review)):
        parts.append(f"<p>Not reviewed:</p>{bullets(skipped)}")
    if alike := list(similarity_lines(review)):
        parts.append(f"<p>Similar code:</p>{bullets(alike)}")
    if told := list(model_lines(review)):
        parts.append(f"<p>Judges:</p>{bullets(told)}")
    if known := list(familiarity_lines(review)):
        parts.append(f"<p>Familiarity:</p>{bullets(known)}{_chart(review)}")
    return "".join(parts)


def _chart(review: GroupReview) -> str:
    """Scores over familiarity; empty without a competition of which both are known."""
    points = review.familiarity["against_scores"]["points"] if review.familiarity is not None else []
    if not points:
        return ""
    svg = charts.familiarity({point["competition"]: (point["measure"], point["score"]) for point in points})
    caption = "One dot per competition: its relative score (0 at the median or worse, 1 at gold or better) over familiarity."
    return chart_figure("lines", svg, (), caption)


def _shown(review: GroupReview) -> Sequence[ReviewFinding]:
    return review.findings[:_MOST_ROWS]


def _cells(finding: ReviewFinding, review: GroupReview, group_folder: Path | None, folder: Path) -> list[object]:
    shown = finding.evidence[:_MOST_PLACES]
    more = len(finding.evidence) - len(shown)
    quotes = [entry.quote for entry in shown if entry.quote] + ([f"and {more:,} more places"] if more > 0 else [])
    links = [(_address(entry, group_folder, folder), place_text(entry)) for entry in shown]
    return [
        Cell(finding.level, _ORDER[finding.level], css="" if finding.level == "violation" else "faint"),
        Cell(finding.rule, text=True),
        Cell(runs_text(finding, review), css="narrow", long=True),
        Cell(finding.text, long=True),
        Cell(NOTHING, css="narrow", long=True, links=links),
        Cell(" · ".join(quotes) or NOTHING, css="narrow", long=True),
    ]


def _address(evidence: Evidence, group_folder: Path | None, folder: Path) -> str:
    """Of the file, relative to `folder`; empty if it is none below the group's folder, whoever wrote its name."""
    path = PurePosixPath(evidence.file)
    if group_folder is None or path.is_absolute() or ".." in path.parts or "\0" in evidence.file:
        return ""
    there = group_folder / path
    try:
        is_there = there.is_file() and there.resolve().is_relative_to(group_folder.resolve())
    except OSError:
        return ""
    return quote(os.path.relpath(there, folder.absolute())) if is_there else ""
