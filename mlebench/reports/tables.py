"""A report as csv (one row per run) and as Markdown (one leaderboard row per agent)."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from grading.printable import printable
from grading.wording import counted
from mlebench.registry import SPLITS
from mlebench.reports.document import Document, ResultsDocument
from mlebench.reports.notation import NOTHING, cost_per_medal, duration, plus_minus, run_usage, split_figures
from mlebench.reports.published_results import SPLIT_NAMES, PublishedResult
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
from mlebench.runs.usage import COUNTS

_FORMULA = ("=", "+", "-", "@")
_MOST_FINDINGS, _MOST_PLACES = 1000, 3
"""Of a review, in Markdown."""
CSV_COLUMNS = (
    "name", "agent", "models", "arguments", "agent_fingerprint", "profile", "sandbox", "network", "task_text", "edition",
    "split_key_hash", "harness", "competition_id", "competition_version", "split", "modality", "metric", "seed", "outcome",
    "score", "medal", "above_median", "normalized_score", "gold_threshold", "silver_threshold", "bronze_threshold",
    "median_threshold", "rank", "leaderboard_size", "best_snapshot_score", "best_snapshot_medal", "hours", "gpu_hours", "error",
    "usage_source", *COUNTS, "cost_usd", "checks", "refused_checks", "checked_files", "submission_was_checked",
    "suite",
)  # fmt: skip


def to_csv(document: Document) -> str:
    """One row per run of all results."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for entry in document.entries:
        writer.writerows({name: _csv_cell(value) for name, value in row.items()} for row in _csv_rows(entry))
    return text.getvalue()


def run_rows(document: Document) -> list[dict[str, object]]:
    """One row per run of all results, by the names of `CSV_COLUMNS`."""
    return [row for entry in document.entries for row in _csv_rows(entry)]


def _csv_cell(value: object) -> object:
    """Text on one line, and none that a spreadsheet takes for a formula."""
    if not isinstance(value, str):
        return value
    text = printable(value, None)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv_rows(entry: ResultsDocument) -> list[dict[str, object]]:
    conditions = entry.results.conditions
    common = {name: getattr(conditions, name) for name in CSV_COLUMNS if hasattr(conditions, name)}
    common |= {"name": entry.results.name, "models": ", ".join(conditions.models or ())}
    common["arguments"] = None if conditions.arguments is None else json.dumps(conditions.arguments, ensure_ascii=False)
    rows: list[dict[str, object]] = []
    for competition in entry.competitions:
        info = competition.info
        about: dict[str, object] = {
            "competition_id": info.competition_id,
            "split": info.split,
            "modality": info.modality,
            "metric": info.metric,
        }
        about["competition_version"] = conditions.competition_versions.get(info.competition_id)
        thresholds = {f"{name}_threshold": value for name, value in competition.thresholds.items()}
        for run in competition.runs:
            figures = {name: getattr(run, name) for name in CSV_COLUMNS if hasattr(run, name)}
            used, source = run_usage(run)
            amounts = {name: getattr(used, name) for name in (*COUNTS, "cost_usd")} if used is not None else {}
            rows.append(common | about | thresholds | figures | amounts | {"usage_source": source if used is not None else None})
    return rows


def to_markdown(document: Document) -> str:
    """A leaderboard: the results, then the published results."""
    splits = _splits(document)
    figures = [f"{name.capitalize() if name in SPLITS else name} (%)" for name in splits]
    header = ["Agent", "Models", *figures, "Time limit", "Date", "Edition"]
    rows = [_results_cells(entry, splits) for entry in document.entries]
    rows += [_published_cells(result, splits) for result in document.published]
    if any(entry.usage or entry.reported_usage for entry in document.entries):
        header.append("USD per medal")
        costs = [cost_per_medal(entry.usage, entry.reported_usage) for entry in document.entries]
        rows = [[*row, cost] for row, cost in zip_longest(rows, costs, fillvalue=NOTHING)]
    lines = [_line(header), _line(["---"] * len(header)), *map(_line, rows)]
    if any("†" in cell for row in rows for cell in row):
        lines += ["", "† incomplete seeds were filled with failures"]
    for entry in document.entries:
        if entry.review is not None:
            title = f"## Review of {_escaped(entry.results.name or 'the reports')}"
            lines += ["", title, "", *_review_lines(entry.review)]
    return "\n".join(lines) + "\n"


def _splits(document: Document) -> Sequence[str]:
    """The benchmark's four splits if the report is about one of them, and all others that it is about."""
    of_report = [entry.selection.name for entry in document.main.figures]
    others = [name for name in of_report if name not in SPLIT_NAMES]
    return [*SPLIT_NAMES, *others] if len(others) < len(of_report) else others


def _results_cells(entry: ResultsDocument, splits: Sequence[str]) -> list[str]:
    results, conditions = entry.results, entry.results.conditions
    key = f" (key {conditions.split_key_hash})" if conditions.split_key_hash else ""
    suite = f", suite {conditions.suite}" if conditions.suite else ""
    return [
        results.name or NOTHING,
        ", ".join(conditions.models or ()) or NOTHING,
        *split_figures(entry, splits),
        duration(conditions.hours),
        entry.date.isoformat() if entry.date else NOTHING,
        f"{conditions.edition}{key}{suite}",
    ]


def _published_cells(result: PublishedResult, splits: Sequence[str]) -> list[str]:
    mark = " †" if result.padded else ""
    figures = [plus_minus(result.any_medal[name]) + mark if name in result.any_medal else NOTHING for name in splits]
    agent = result.agent if result.on_board else f"{result.agent} (claimed, not on the board)"
    return [agent, result.models or NOTHING, *figures, duration(result.hours), result.date.isoformat(), "v1"]


def _review_lines(figures: ReviewFigures) -> Iterator[str]:
    header = [title.capitalize() for title in totals_header()]
    yield from (_line(header), _line(["---"] * len(header)), *map(_line, totals_rows(figures.totals)), "", FLAGGED_NOTE)
    if figures.unreviewed:
        yield f"{counted(figures.unreviewed, 'run')} of this report not reviewed."
    for kept in figures.reviews:
        review = kept.review
        yield from ("", f"{_escaped(review.group)}: {summary(review)}.")
        if review.findings:
            columns = ["Level", "Rule", "Runs", "What was found", "Where"]
            yield from ("", _line(columns), _line(["---"] * len(columns)))
        for finding in review.findings[:_MOST_FINDINGS]:
            places = ", ".join(map(place_text, finding.evidence[:_MOST_PLACES]))
            cells = (finding.level, finding.rule, runs_text(finding, review), finding.text, places or NOTHING)
            yield f"| {' | '.join(map(_escaped, cells))} |"
        if len(review.findings) > _MOST_FINDINGS:
            yield from ("", f"{len(review.findings) - _MOST_FINDINGS:,} more findings are in the JSON document.")
        yield from (line for skipped in skipped_lines(review) for line in ("", f"Not reviewed: {_escaped(skipped)}"))
        yield from (line for told in similarity_lines(review) for line in ("", f"Code, {_escaped(told)}"))
        yield from (line for told in model_lines(review) for line in ("", f"Judges, {_escaped(told)}"))
        yield from (line for told in familiarity_lines(review) for line in ("", f"Familiarity, {_escaped(told)}"))


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", printable(text, None))


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(printable(cell, None).replace("|", "\\|") for cell in cells) + " |"
