"""The figures of results on one selection of competitions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from grading.report import CompetitionReport
from mlebench.errors import UsageError
from mlebench.reports.results import GradedRun, Results
from mlebench.reports.selection import CompetitionInfo, Selection
from mlebench.reports.spending import UsageFigures, measured_usage, reported_usage
from mlebench.reports.statistics import Estimate, Interval, PassAtK, bootstrap_interval, estimate, mean_pass_at_k

METRICS: Mapping[str, Callable[[CompetitionReport], bool]] = {
    "any_medal_percentage": lambda report: report.any_medal,
    "gold_medal_percentage": lambda report: report.gold_medal,
    "silver_medal_percentage": lambda report: report.silver_medal,
    "bronze_medal_percentage": lambda report: report.bronze_medal,
    "above_median_percentage": lambda report: report.above_median,
    "valid_submissions_percentage": lambda report: report.valid_submission,
    "submission_exists_percentage": lambda report: report.submission_exists,
}
"""What is counted, by the name it has in JSON."""

_NAMED_MISSING = 20


@dataclass(frozen=True)
class Counts:
    """How runs ended; the counts up to `not_graded` add up to `runs`."""

    runs: int
    valid: int
    invalid: int
    missing: int
    """Graded, but without a submission, and the agent had its chance."""
    infrastructure: int
    """No valid submission through no fault of the agent: the machine, the harness or a grader failed."""
    not_graded: int
    """No report; counted as failures when padded."""
    invalid_reasons: Mapping[str, int]
    """The sentence of each invalid submission, with how often."""


@dataclass(frozen=True)
class CleanFigures:
    """The same figures without the competitions that have something known against them in their edition."""

    metrics: Mapping[str, Estimate]
    """Empty if no competition is left."""
    competitions: int
    excluded: Mapping[str, tuple[str, ...]]
    """Names of the issues by competition."""


@dataclass(frozen=True)
class ModalityShare:
    """Medals of one modality."""

    modality: str
    competitions: int
    any_medal_percentage: Estimate


@dataclass(frozen=True)
class SelectionFigures:
    """All figures of one selection."""

    selection: Selection
    metrics: Mapping[str, Estimate]
    """Percentages, 0 to 100, by the names of `METRICS`."""
    seeds: int
    per_seed: Sequence[float]
    """Any-medal percentage of each seed."""
    bootstrap: Interval | None
    """95 % interval of the any-medal percentage when competitions are drawn again; None for one competition."""
    pass_at_k: Sequence[PassAtK]
    modalities: Sequence[ModalityShare]
    without_known_leaks: CleanFigures
    without_known_issues: CleanFigures
    """Without leaks and faults."""
    best_snapshot: Estimate | None
    """Any-medal percentage had each run's best snapshot been its last; None without graded snapshots."""
    counts: Counts
    padded: Sequence[str]
    """Missing runs, counted as failures, as `competition, seed k`."""
    usage: UsageFigures | None
    """What the gateway measured; None if it measured no run."""
    reported_usage: UsageFigures | None
    """What agents claim, over the runs of which nothing was measured; None if there is none."""


def compute_figures(
    results: Results, selection: Selection, about: Mapping[str, CompetitionInfo], *, pad_missing: bool = False
) -> SelectionFigures:
    """Compute the figures of results on a selection.

    A seed is one report for every competition of the selection.

    Args:
        about: facts of each competition of the selection.
        pad_missing: count a missing report as a failure instead of refusing.

    Raises:
        UsageError: a seed is incomplete, with the list of what is missing; or no run belongs to the selection.
    """
    grid = runs_by_competition(results, selection)
    missing = [f"{name}, seed {seed}" for name, runs in grid.items() for seed, run in enumerate(runs) if run.report is None]
    if missing and not pad_missing:
        raise UsageError(_incomplete(results, selection, missing))
    runs = [run for runs in grid.values() for run in runs]
    return SelectionFigures(
        selection=selection,
        metrics=_metrics(grid),
        seeds=len(next(iter(grid.values()))),
        per_seed=_percentages(grid, METRICS["any_medal_percentage"]),
        bootstrap=bootstrap_interval([100 * share for share in medal_rates(grid).values()]),
        pass_at_k=mean_pass_at_k([[_has(run, METRICS["any_medal_percentage"]) for run in runs] for runs in grid.values()]),
        modalities=_modalities(grid, about),
        without_known_leaks=_without(grid, {name: about[name].known_leaks for name in grid}),
        without_known_issues=_without(grid, {name: about[name].known_issues for name in grid}),
        best_snapshot=_best_snapshot(grid),
        counts=_count(runs),
        padded=missing,
        usage=measured_usage(runs),
        reported_usage=reported_usage(runs),
    )


Grid = Mapping[str, Sequence[GradedRun]]
"""The runs of each competition in the order of seeds; every row is as long."""


def runs_by_competition(results: Results, selection: Selection) -> Grid:
    """The runs of a selection, absent ones included, over the seeds that have any of them.

    Raises:
        UsageError: no run belongs to the selection.
    """
    wanted = set(selection.competition_ids)
    seeds = [seed for seed in results.seeds if wanted & seed.keys()]
    if not seeds:
        raise UsageError(f"{results.name} has no runs in {selection.name}; choose another split with `--split`")
    return {name: [seed.get(name, GradedRun(None)) for seed in seeds] for name in selection.competition_ids}


def medal_rates(grid: Grid) -> dict[str, float]:
    """Share of seeds with a medal, 0 to 1, by competition."""
    return {name: sum(_has(run, METRICS["any_medal_percentage"]) for run in runs) / len(runs) for name, runs in grid.items()}


def normalized_score(report: CompetitionReport | None) -> float | None:
    """The score on a scale where the leaderboard's median is 0 and its gold threshold is 1.

    Returns:
        None without a score, without thresholds, where median and gold are the same score, or beyond any number.
    """
    if report is None or report.score is None or report.gold_threshold is None or report.median_threshold is None:
        return None
    reach = report.gold_threshold - report.median_threshold
    normalized = (report.score - report.median_threshold) / reach if reach else math.nan
    return normalized if math.isfinite(normalized) else None


def bounded_score(report: CompetitionReport | None) -> float | None:
    """The normalised score cut to 0 … 1; 0 without a score, None if the competition has no thresholds."""
    if report is not None and report.thresholds is None:
        return None
    return min(1.0, max(0.0, normalized_score(report) or 0.0))


def _has(run: GradedRun, flag: Callable[[CompetitionReport], bool]) -> bool:
    return run.report is not None and flag(run.report)


def _percentages(grid: Grid, flag: Callable[[CompetitionReport], bool]) -> list[float]:
    return [100 * sum(_has(run, flag) for run in seed) / len(grid) for seed in zip(*grid.values(), strict=True)]


def _metrics(grid: Grid) -> dict[str, Estimate]:
    return {name: estimate(_percentages(grid, flag), 0.0, 100.0) for name, flag in METRICS.items()}


def _modalities(grid: Grid, about: Mapping[str, CompetitionInfo]) -> list[ModalityShare]:
    shares = []
    for modality in sorted({about[name].modality for name in grid}):
        rows = {name: runs for name, runs in grid.items() if about[name].modality == modality}
        percentages = _percentages(rows, METRICS["any_medal_percentage"])
        shares.append(ModalityShare(modality, len(rows), estimate(percentages, 0.0, 100.0)))
    return shares


def _without(grid: Grid, issues: Mapping[str, tuple[str, ...]]) -> CleanFigures:
    excluded = {name: found for name, found in issues.items() if found}
    clean = {name: runs for name, runs in grid.items() if name not in excluded}
    return CleanFigures(_metrics(clean) if clean else {}, len(clean), excluded)


def _best_snapshot(grid: Grid) -> Estimate | None:
    if not any(run.snapshots for runs in grid.values() for run in runs):
        return None
    best = {name: [GradedRun(run.best()) for run in runs] for name, runs in grid.items()}
    return estimate(_percentages(best, METRICS["any_medal_percentage"]), 0.0, 100.0)


def outcome_of(run: GradedRun) -> str:
    """How a run ended: valid, invalid, missing, infrastructure or not_graded."""
    if run.report is not None and run.report.valid_submission:
        return "valid"
    if run.failed_by_infrastructure:
        return "infrastructure"
    if run.report is None:
        return "not_graded"
    return "invalid" if run.report.submission_exists else "missing"


def _count(runs: Sequence[GradedRun]) -> Counts:
    outcomes = Counter(map(outcome_of, runs))
    reasons = Counter(_reasons(runs))
    return Counts(
        runs=len(runs),
        valid=outcomes["valid"],
        invalid=outcomes["invalid"],
        missing=outcomes["missing"],
        infrastructure=outcomes["infrastructure"],
        not_graded=outcomes["not_graded"],
        invalid_reasons=dict(reasons.most_common()),
    )


def _reasons(runs: Sequence[GradedRun]) -> Iterator[str]:
    for run in runs:
        if run.report is not None and outcome_of(run) == "invalid":
            yield run.report.error or "no reason recorded"


def _incomplete(results: Results, selection: Selection, missing: Sequence[str]) -> str:
    named = "; ".join(missing[:_NAMED_MISSING])
    rest = f"; and {len(missing) - _NAMED_MISSING} more" if len(missing) > _NAMED_MISSING else ""
    return (
        f"{results.name or 'the report'} lacks {len(missing)} reports for {selection.name}: {named}{rest}. "
        "Run them, choose a subset with `--split`, or count them as failures with `--pad-missing`"
    )


def mean_or_none(values: Sequence[float | None]) -> float | None:
    """Mean of the known values."""
    known = [value for value in values if value is not None]
    try:
        return math.fsum(known) / len(known) if known else None
    except OverflowError:
        return math.fsum(value / len(known) for value in known)
