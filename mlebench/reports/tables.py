"""A report as csv (one row per run) and as Markdown (one leaderboard row per experiment)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from mlebench.reports.document import Document, ExperimentDocument
from mlebench.reports.notation import NOTHING, hours, plus_minus, split_figures
from mlebench.reports.published_results import SPLIT_NAMES, PublishedResult

CSV_COLUMNS = (
    "agent", "models", "profile", "edition", "split_key_hash", "competition_id", "split", "modality", "metric", "seed", "outcome",
    "score", "medal", "above_median", "normalized_score", "gold_threshold", "silver_threshold", "bronze_threshold",
    "median_threshold", "rank", "leaderboard_size", "best_snapshot_score", "best_snapshot_medal", "hours", "gpu_hours", "error",
)  # fmt: skip


def to_csv(document: Document) -> str:
    """One row per run of every experiment."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for entry in document.experiments:
        writer.writerows(_csv_rows(entry))
    return text.getvalue()


def _csv_rows(entry: ExperimentDocument) -> list[dict[str, object]]:
    experiment = entry.experiment
    common = {
        "agent": experiment.name,
        "models": experiment.conditions.models,
        "profile": experiment.conditions.profile,
        "edition": experiment.edition,
        "split_key_hash": experiment.split_key_hash,
    }
    rows: list[dict[str, object]] = []
    for competition in entry.competitions:
        info = competition.info
        about = {"competition_id": info.competition_id, "split": info.split, "modality": info.modality, "metric": info.metric}
        thresholds = {f"{name}_threshold": value for name, value in competition.thresholds.items()}
        for run in competition.runs:
            figures = {name: getattr(run, name) for name in CSV_COLUMNS if hasattr(run, name)}
            rows.append(common | about | thresholds | figures)
    return rows


def to_markdown(document: Document) -> str:
    """A leaderboard: the experiments, then the published results."""
    header = ["Agent", "Models", "Low (%)", "Medium (%)", "High (%)", "All (%)", "Hours", "Date", "Edition"]
    rows = [_experiment_cells(entry) for entry in document.experiments]
    rows += [_published_cells(result) for result in document.published]
    lines = [_line(header), _line(["---"] * len(header)), *map(_line, rows)]
    if any("†" in cell for row in rows for cell in row):
        lines += ["", "† incomplete seeds were filled with failures"]
    return "\n".join(lines) + "\n"


def _experiment_cells(entry: ExperimentDocument) -> list[str]:
    experiment = entry.experiment
    edition = experiment.edition + (f" (key {experiment.split_key_hash})" if experiment.split_key_hash else "")
    day = entry.date.isoformat() if entry.date else NOTHING
    budget = hours(experiment.conditions.hours)
    return [
        experiment.name or NOTHING,
        experiment.conditions.models or NOTHING,
        *split_figures(entry, SPLIT_NAMES),
        budget,
        day,
        edition,
    ]


def _published_cells(result: PublishedResult) -> list[str]:
    mark = " †" if result.padded else ""
    figures = [plus_minus(result.any_medal[name]) + mark for name in SPLIT_NAMES]
    return [result.agent, result.models, *figures, str(result.hours), result.date.isoformat(), "v1"]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
