"""Everything a report says, computed once; every output shows parts of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from grading.medals import Medal
from mlebench.errors import UsageError
from mlebench.reports.comparison import Comparison, compare
from mlebench.reports.figures import (
    SelectionSummary,
    as_json,
    mean_or_none,
    normalized_score,
    outcome_of,
    runs_by_competition,
    summarize,
)
from mlebench.reports.published_results import SOURCE, PublishedResult
from mlebench.reports.results import Experiment, GradedRun
from mlebench.reports.scaling import BudgetPoint, RunCurve, TimePoint, budget_point, over_time, run_curves
from mlebench.reports.selection import Catalog, CompetitionInfo, Selection, default_selections


@dataclass(frozen=True)
class RunRow:
    """One run in the per-competition table."""

    seed: int
    outcome: str
    """valid, invalid, missing, infrastructure or not_graded."""
    score: float | None
    medal: Medal | None
    above_median: bool
    normalized_score: float | None
    """0 at the leaderboard's median, 1 at its gold threshold."""
    best_snapshot_score: float | None
    best_snapshot_medal: Medal | None
    rank: int | None
    leaderboard_size: int | None
    error: str | None
    state: str | None
    reason: str | None
    hours: float | None
    gpu_hours: float | None
    peak_memory_bytes: int | None
    folder: str | None


@dataclass(frozen=True)
class CompetitionRow:
    """One competition with all its seeds."""

    info: CompetitionInfo
    is_lower_better: bool | None
    thresholds: Mapping[str, float | None]
    medal_rate: float
    """Share of seeds with a medal, 0 to 1."""
    mean_score: float | None
    mean_normalized_score: float | None
    runs: Sequence[RunRow]


@dataclass(frozen=True)
class ExperimentDocument:
    """All figures of one experiment."""

    experiment: Experiment
    summaries: Sequence[SelectionSummary]
    competitions: Sequence[CompetitionRow]
    time: Mapping[str, Sequence[TimePoint]]
    """By selection; empty where nothing was graded along the way."""
    run_curves: Sequence[RunCurve]
    notes: Sequence[str]

    @property
    def date(self) -> date | None:
        """Day of the newest report."""
        moment = self.experiment.last_date()
        return moment.date() if moment else None

    def summary(self, name: str) -> SelectionSummary | None:
        """The figures of one selection."""
        return next((summary for summary in self.summaries if summary.selection.name == name), None)


@dataclass(frozen=True)
class Document:
    """A report: the main experiment first, then those it is compared with."""

    experiments: Sequence[ExperimentDocument]
    comparisons: Sequence[Comparison]
    budgets: Sequence[BudgetPoint]
    published: Sequence[PublishedResult]

    @property
    def main(self) -> ExperimentDocument:
        """The first experiment."""
        return self.experiments[0]

    def to_dict(self) -> dict[str, Any]:
        """The JSON document; `splits.<name>.metrics` holds the figures of the main experiment."""
        main, *others = (_experiment_json(entry) for entry in self.experiments)
        return main | {
            "others": others,
            "comparisons": [_comparison_json(entry) for entry in self.comparisons],
            "budgets": as_json(self.budgets),
            "published": {"source": SOURCE, "results": [_published_json(entry) for entry in self.published]},
        }


def make_document(
    experiments: Sequence[Experiment],
    selections: Sequence[Selection],
    *,
    pad_missing: bool = False,
    published: Sequence[PublishedResult] = (),
) -> Document:
    """Compute a report.

    Args:
        experiments: the main one first; it is compared with each of the others.
        selections: what to report on; by default the splits that the main experiment is about.
        pad_missing: count missing reports as failures.

    Raises:
        UsageError: there is nothing to report, or an experiment is incomplete.
    """
    if not experiments:
        raise UsageError("there is nothing to report on; `mlebench runs` lists the run groups")
    main = experiments[0]
    catalog = Catalog(main.edition)
    chosen = list(selections) or default_selections(main.competition_ids(), catalog)
    if not chosen:
        raise UsageError("the reports hold no run; `mlebench grade` makes grading reports")
    documents = [_experiment_document(entry, chosen, pad_missing) for entry in experiments]
    return Document(
        experiments=documents,
        comparisons=[compare(main, other, selection) for other in experiments[1:] for selection in chosen],
        budgets=[_budget(entry, chosen[-1].name) for entry in documents] if len(documents) > 1 else [],
        published=published,
    )


def _experiment_document(experiment: Experiment, selections: Sequence[Selection], pad_missing: bool) -> ExperimentDocument:
    catalog = Catalog(experiment.edition)
    names = {name for selection in selections for name in selection.competition_ids}
    everything = Selection("everything", tuple(sorted(names, key=str.lower)))
    summaries = [summarize(experiment, selection, catalog, pad_missing=pad_missing) for selection in selections]
    return ExperimentDocument(
        experiment=experiment,
        summaries=summaries,
        competitions=_competition_rows(experiment, everything, catalog),
        time={selection.name: points for selection in selections if (points := over_time(experiment, selection))},
        run_curves=run_curves(experiment, everything),
        notes=[*experiment.notes, *_notes(experiment, summaries, names)],
    )


def _competition_rows(experiment: Experiment, selection: Selection, catalog: Catalog) -> list[CompetitionRow]:
    grid = runs_by_competition(experiment, selection)
    return [_competition_row(catalog.info(name), runs) for name, runs in grid.items()]


def _competition_row(info: CompetitionInfo, runs: Sequence[GradedRun]) -> CompetitionRow:
    reports = [run.report for run in runs if run.report is not None]
    first = reports[0] if reports else None
    rows = [_run_row(seed, run) for seed, run in enumerate(runs)]
    return CompetitionRow(
        info=info,
        is_lower_better=first.is_lower_better if first else None,
        thresholds={name: getattr(first, f"{name}_threshold", None) for name in ("gold", "silver", "bronze", "median")},
        medal_rate=sum(row.medal is not None for row in rows) / len(rows),
        mean_score=mean_or_none([row.score for row in rows]),
        mean_normalized_score=mean_or_none([row.normalized_score for row in rows]),
        runs=rows,
    )


def _run_row(seed: int, run: GradedRun) -> RunRow:
    report, details = run.report, run.details
    best = run.best() if run.snapshots else None
    return RunRow(
        seed=seed,
        outcome=outcome_of(run),
        score=report.score if report else None,
        medal=report.medal if report else None,
        above_median=report.above_median if report else False,
        normalized_score=normalized_score(report),
        best_snapshot_score=best.score if best else None,
        best_snapshot_medal=best.medal if best else None,
        rank=report.rank if report else None,
        leaderboard_size=report.leaderboard_size if report else None,
        error=(report.error if report else None) or (details.detail if details else None),
        state=details.state if details else None,
        reason=details.reason if details else None,
        hours=details.hours if details else None,
        gpu_hours=details.gpu_hours if details else None,
        peak_memory_bytes=details.peak_memory_bytes if details else None,
        folder=str(details.folder) if details else None,
    )


def _notes(experiment: Experiment, summaries: Sequence[SelectionSummary], names: set[str]) -> list[str]:
    notes = []
    for summary in summaries:
        if summary.padded:
            notes.append(f"{summary.selection.name}: {len(summary.padded)} missing runs are counted as failures (padded)")
        if summary.counts.infrastructure:
            notes.append(
                f"{summary.selection.name}: {summary.counts.infrastructure} runs failed by no fault of the agent and are "
                "counted as failures; `mlebench run --resume GROUP` runs them again"
            )
    if outside := experiment.competition_ids() - names:
        notes.append(f"runs of {len(outside)} more competitions are not part of this report")
    return notes


def _budget(entry: ExperimentDocument, selection: str) -> BudgetPoint:
    summary = entry.summary(selection)
    assert summary is not None
    return budget_point(entry.experiment, summary.metrics["any_medal_percentage"].mean)


def _experiment_json(entry: ExperimentDocument) -> dict[str, Any]:
    experiment = entry.experiment
    day = entry.date
    return {
        "splits": {summary.selection.name: _summary_json(summary) for summary in entry.summaries},
        "experiment": {
            **as_json(experiment.conditions),
            "edition": experiment.edition,
            "split_key_hash": experiment.split_key_hash,
            "date": day.isoformat() if day else None,
            "sources": list(experiment.sources),
        },
        "notes": list(entry.notes),
        "competitions": [{**as_json(row.info), **_without(as_json(row), "info")} for row in entry.competitions],
        "scaling": {"time": as_json(entry.time), "runs": as_json(entry.run_curves)},
    }


def _summary_json(summary: SelectionSummary) -> dict[str, Any]:
    content: dict[str, Any] = as_json(summary)
    return {"metrics": content.pop("metrics"), "competitions": len(summary.selection.competition_ids)} | _without(
        content, "selection"
    )


def _comparison_json(comparison: Comparison) -> dict[str, Any]:
    content: dict[str, Any] = as_json(comparison)
    return content | {"selection": comparison.selection.name}


def _published_json(result: PublishedResult) -> dict[str, Any]:
    content: dict[str, Any] = as_json(result)
    return content | {"date": result.date.isoformat()}


def _without(content: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != key}
