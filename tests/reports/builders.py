"""Graded runs made by hand: what a run earned is said in a word."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from grading.medals import Board, Thresholds
from grading.report import CompetitionReport, aggregate_reports
from mlebench.reports.report_file import layers_of
from mlebench.reports.results import Results, pool, with_data_of
from mlebench.runs.conditions import Conditions

THRESHOLDS = Thresholds(gold=0.9, silver=0.8, bronze=0.7, median=0.5, lower_is_better=False)
SCORES = {"gold": 0.9, "silver": 0.8, "bronze": 0.7, "above": 0.6, "none": 0.4}


def report(competition_id: str, outcome: str, **changes: object) -> CompetitionReport:
    """A report: gold, silver, bronze, above (median), none, invalid or missing."""
    made = CompetitionReport.from_score(
        competition_id,
        SCORES.get(outcome),
        Board(lower_is_better=False, thresholds=THRESHOLDS),
        submission_path=f"{competition_id}/submission.csv",
        submission_exists=outcome != "missing",
        error={"invalid": "column `y` is missing", "missing": "there is no file"}.get(outcome),
    )
    return replace(made, created_at=datetime(2026, 3, 1, 12, tzinfo=UTC), **changes)  # type: ignore[arg-type]


def seed_of(outcomes: Mapping[str, str]) -> list[CompetitionReport]:
    """One seed: an outcome by competition."""
    return [report(competition_id, outcome) for competition_id, outcome in outcomes.items()]


def write_aggregate(path: Path, reports: Iterable[CompetitionReport]) -> Path:
    """A grading report in the published format, without the keys that only this harness writes."""
    content = aggregate_reports(reports).to_dict()
    for entry in content["competition_reports"]:
        for key in list(entry)[16:]:
            del entry[key]
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def results(*seeds: Sequence[CompetitionReport], name: str = "ours", edition: str = "v1") -> Results:
    """Results of one agent, a file per seed."""
    files = [[replace(entry, edition=edition) for entry in seed] for seed in seeds]
    conditions = with_data_of(Conditions(name), [("file", entry) for file in files for entry in file])
    (made,) = pool(Results(conditions, layers_of(file), (f"{number}.json",)) for number, file in enumerate(files))
    return made
