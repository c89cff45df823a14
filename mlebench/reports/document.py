"""Everything a report says, computed once; every output shows parts of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from grading.medals import Medal
from grading.report import DataKind
from grading.wording import counted
from mlebench._support.hints import command
from mlebench.errors import UsageError
from mlebench.reports.checks import CheckFigures, check_figures
from mlebench.reports.comparison import Comparison, compare
from mlebench.reports.figures import (
    SelectionFigures,
    compute_figures,
    mean_or_none,
    normalized_score,
    outcome_of,
    runs_by_competition,
)
from mlebench.reports.places import load_results
from mlebench.reports.published_results import SOURCE, PublishedResult, published_results
from mlebench.reports.results import GradedRun, Results, labelled, told_apart
from mlebench.reports.review_figures import ReviewFigures, review_figures
from mlebench.reports.scaling import (
    SPENDING_AXES,
    BudgetPoint,
    RunCurve,
    SpendingAxis,
    SpendingCurve,
    TimePoint,
    budget_point,
    over_spending,
    over_time,
    run_curves,
)
from mlebench.reports.selection import CompetitionInfo, Selection, default_selections, info_of, registry_in, select
from mlebench.reports.spending import UsageFigures, measured_usage, reported_usage
from mlebench.runs.usage import Usage

PUBLISHED = "published"
"""Stands for the public leaderboard where results to compare with are named."""


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
    data: DataKind | None = None
    usage: Usage | None = None
    """What the gateway measured of the run's calls to models."""
    reported_usage: Usage | None = None
    """What the agent claims, measured or not."""
    checks: int | None = None
    """Verdicts of the submission checker; None if no record is at hand, as in the next three."""
    refused_checks: int | None = None
    checked_files: int | None = None
    """How many different files got one; None if an earlier harness did not keep their hashes."""
    submission_was_checked: bool | None = None
    """Whether the graded file was one of them."""


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
    usage: UsageFigures | None
    """What the gateway measured; None if it measured no run."""
    reported_usage: UsageFigures | None
    """What agents claim, over the runs of which nothing was measured."""


@dataclass(frozen=True)
class ResultsDocument:
    """All figures of one agent's results."""

    results: Results
    figures: Sequence[SelectionFigures]
    competitions: Sequence[CompetitionRow]
    time: Mapping[str, Sequence[TimePoint]]
    """By selection; empty if nothing was graded along the way."""
    spending: Mapping[SpendingAxis, Mapping[str, SpendingCurve]]
    """By axis and selection; an axis on which nothing is known is not there."""
    run_curves: Sequence[RunCurve]
    notes: Sequence[str]
    usage: UsageFigures | None
    """What the gateway measured over all competitions of the report; None if it measured no run."""
    reported_usage: UsageFigures | None
    """What agents claim, over the runs of which nothing was measured."""
    checks: CheckFigures | None = None
    """What all these runs asked the submission checker; None if no record is at hand."""
    review: ReviewFigures | None = None
    """What reviews found of these runs; None if none was reviewed, or all have changed since."""

    @property
    def date(self) -> date | None:
        """Day of the newest report."""
        moment = self.results.last_date()
        return moment.date() if moment else None

    def figures_of(self, name: str) -> SelectionFigures | None:
        """The figures of one selection."""
        return next((entry for entry in self.figures if entry.selection.name == name), None)


@dataclass(frozen=True)
class Document:
    """A report: the main results first, then those they are compared with."""

    entries: Sequence[ResultsDocument]
    comparisons: Sequence[Comparison]
    budgets: Sequence[BudgetPoint]
    published: Sequence[PublishedResult]

    @property
    def main(self) -> ResultsDocument:
        """The first results."""
        return self.entries[0]

    def to_dict(self) -> dict[str, Any]:
        """The JSON document; `splits.<name>.metrics` holds the figures of the main results."""
        main, *others = (_results_json(entry) for entry in self.entries)
        return main | {
            "others": others,
            "comparisons": [_comparison_json(entry) for entry in self.comparisons],
            "budgets": _as_json(self.budgets),
            "published": {"source": SOURCE, "results": [_published_json(entry) for entry in self.published]},
        }


def make_report(
    sources: Sequence[str | Path],
    *,
    splits: Sequence[str] = (),
    competition_ids: Sequence[str] = (),
    compare_with: Sequence[str | Path] = (),
    pad_missing: bool = False,
    agent: str | None = None,
    models: str | None = None,
    hours: float | None = None,
    runs_dir: Path | None = None,
) -> Document:
    """Report on run groups and grading reports. Runs under different conditions are never averaged but compared with the first.

    Args:
        sources: groups by name or folder, `latest`, report files, folders that hold such, or globs.
        splits: what to report on, as splits or text files with one id a line; by default the splits that were run.
        competition_ids: single competitions to report on.
        compare_with: sources to set next to, or `published` for the public leaderboard.
        pad_missing: count missing reports as failures instead of refusing.
        agent, models, hours: what the sources do not tell; models are given by commas, hours are the time limit of a run.
        runs_dir: where groups are found by name; by default `./runs` or MLEBENCH_RUNS_DIR.

    Raises:
        UsageError: nothing was found, a source cannot be read, or results are incomplete.
    """
    main, *others = load_results(sources, runs_dir)
    for other in compare_with:
        if other != PUBLISHED:
            others += load_results([other], runs_dir)
    main = main.filled_in(agent, models, hours)
    selections = select(splits, competition_ids, registry_in(main.conditions.edition))
    published = published_results() if PUBLISHED in compare_with else []
    return make_document([main, *others], selections, pad_missing=pad_missing, published=published)


def make_document(
    results: Sequence[Results],
    selections: Sequence[Selection] = (),
    *,
    pad_missing: bool = False,
    published: Sequence[PublishedResult] = (),
) -> Document:
    """Compute a report.

    Args:
        results: the main ones first; they are compared with each of the others.
        selections: what to report on; by default the splits that the main results are about.
        pad_missing: count missing reports as failures.

    Raises:
        UsageError: there is nothing to report, or results are incomplete.
    """
    if not results:
        raise UsageError("there is nothing to report on; `mlebench runs` lists the run groups")
    main, *others = told_apart(results)
    _refuse_other_suites(main, others, selections)
    registry = registry_in(main.conditions.edition)
    chosen = list(selections) or default_selections(main.competition_ids(), registry, main.conditions.suite)
    if not chosen:
        raise UsageError("the reports contain no run; `mlebench grade` creates grading reports")
    wanted = {name for selection in chosen for name in selection.competition_ids}
    for other in others:
        if not wanted & other.competition_ids():
            raise UsageError(
                f"{other.name} has no run of {', '.join(entry.name for entry in chosen)} in common with {main.name} and is not "
                f"averaged with it, because they differ in {', '.join(main.conditions.differences(other.conditions))}; "
                "choose what both ran with `--split`, or report on it separately"
            )
    entries = [_results_document(entry, chosen, pad_missing) for entry in (main, *others)]
    return Document(
        entries=entries,
        comparisons=[compare(main, other, selection) for other in others for selection in chosen],
        budgets=_budgets(entries, chosen[-1].name) if others else [],
        published=published,
    )


def _refuse_other_suites(main: Results, others: Sequence[Results], selections: Sequence[Selection]) -> None:
    """Refuse to report on a split of a suite that results are not of, and on several suites together.

    Single competitions of several suites can be compared, if a user names them.
    """
    for entry in (main, *others):
        own = entry.conditions.suite
        for selection in selections:
            if selection.suite not in (None, own):
                raise UsageError(
                    f"{entry.name} was run on {_suite_in_words(own)}, and `{selection.name}` here is a split of suite "
                    f"{selection.suite}; results of two suites, or of two versions of one, are never mixed: install the version "
                    "that was run, or choose competitions with `-c ID`"
                )
        if not selections and own != main.conditions.suite:
            raise UsageError(
                f"{entry.name} was run on {_suite_in_words(own)} and {main.name} on {_suite_in_words(main.conditions.suite)}; "
                "results of two suites, or of two versions of one, are never mixed: report on each separately, or choose "
                "competitions that both ran with `-c ID`"
            )


def _suite_in_words(suite: str | None) -> str:
    return "competitions of no suite" if suite is None else f"suite {suite}"


def _results_document(results: Results, selections: Sequence[Selection], pad_missing: bool) -> ResultsDocument:
    names = sorted({name for selection in selections for name in selection.competition_ids}, key=str.lower)
    everything = Selection("everything", tuple(names))
    registry = registry_in(results.conditions.edition)
    about = {name: info_of(name, registry) for name in names}
    figures = [compute_figures(results, selection, about, pad_missing=pad_missing) for selection in selections]
    grid = runs_by_competition(results, everything)
    runs = [run for runs in grid.values() for run in runs]
    usage, claims = measured_usage(runs), reported_usage(runs)
    spending = _spending(results, selections)
    return ResultsDocument(
        results=results,
        figures=figures,
        competitions=[_competition_row(about[name], runs) for name, runs in grid.items()],
        time={selection.name: points for selection in selections if (points := over_time(results, selection))},
        spending=spending,
        run_curves=run_curves(results, everything),
        notes=[
            *results.notes,
            *_notes(results, figures, about),
            *_usage_notes(usage, claims, len(runs)),
            *_spending_notes(spending),
        ],
        usage=usage,
        reported_usage=claims,
        checks=check_figures(runs),
        review=review_figures(results, selections),
    )


def _spending(results: Results, selections: Sequence[Selection]) -> dict[SpendingAxis, dict[str, SpendingCurve]]:
    curves: dict[SpendingAxis, dict[str, SpendingCurve]] = {}
    for axis in SPENDING_AXES:
        for selection in selections:
            if (curve := over_spending(results, selection, axis)) is not None:
                curves.setdefault(axis, {})[selection.name] = curve
    return curves


def _usage_notes(usage: UsageFigures | None, claims: UsageFigures | None, runs: int) -> Iterator[str]:
    if usage is not None and usage.runs < runs:
        yield f"model calls were measured in {usage.runs} of {counted(runs, 'run')}; sums and costs cover these runs only"
    if usage is not None and usage.total.cost_usd is None:
        unpriced = ", ".join(name for name, used in usage.total.models.items() if used.cost_usd is None)
        of = f" of {unpriced}" if unpriced else ""
        yield f"the price{of} is unknown, so only tokens are summed; set prices for later runs in `models.yaml`"
    if claims is not None:
        yield (
            f"what {counted(claims.runs, 'run')} used is reported by the agent, not measured, and not included in measured usage"
        )


def _spending_notes(spending: Mapping[SpendingAxis, Mapping[str, SpendingCurve]]) -> Iterator[str]:
    why = {"usd": "no ledger or calls of unknown price", "tokens": "no ledger"}
    titles = {"usd": "money", "tokens": "tokens"}
    for axis, curves in spending.items():
        for name, curve in curves.items():
            if curve.left_out:
                of = counted(curve.runs + curve.left_out, "run")
                yield f"{name}: {curve.left_out} of {of} omitted from the curves over {titles[axis]} ({why[axis]})"


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
        usage=measured_usage(runs),
        reported_usage=reported_usage(runs),
    )


def _run_row(seed: int, run: GradedRun) -> RunRow:
    report, details = run.report, run.details
    checks = details.checks if details else None
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
        data=report.data if report else None,
        usage=details.usage if details else None,
        reported_usage=details.reported_usage if details else None,
        checks=checks.verdicts if checks else None,
        refused_checks=checks.refused if checks else None,
        checked_files=checks.files if checks else None,
        submission_was_checked=checks.submission_was_checked if checks else None,
    )


def _notes(results: Results, figures: Sequence[SelectionFigures], about: Mapping[str, CompetitionInfo]) -> list[str]:
    notes = []
    for entry in figures:
        notes += [f"{entry.selection.name}: {sentence}" for sentence in _unknown_spreads(entry)]
        if entry.padded:
            notes.append(f"{entry.selection.name}: {counted(len(entry.padded), 'missing run')} counted as failures (padded)")
        if entry.counts.infrastructure:
            notes.append(
                f"{entry.selection.name}: {counted(entry.counts.infrastructure, 'run')} failed because of the infrastructure and "
                f"counted as {'a failure' if entry.counts.infrastructure == 1 else 'failures'}"
                + ("" if results.imported_ids is not None else f"; {_resume(results)} runs them again")
            )
    if (suite := results.conditions.suite) is not None and all(entry.selection.suite is None for entry in figures):
        notes.append(f"the competitions are of suite {suite}; the figures are not those of one of its splits")
    if note := _mock_note(results, figures):
        notes.append(note)
    if outside := results.competition_ids() - {name for entry in figures for name in entry.selection.competition_ids}:
        notes.append(f"runs of {counted(len(outside), 'more competition')} are excluded from this report")
    if unknown := sorted(name for name, info in about.items() if info.split == "unknown"):
        notes.append(f"not installed here, so only the id is known: {', '.join(unknown)}")
    return notes


def _mock_note(results: Results, figures: Sequence[SelectionFigures]) -> str | None:
    """What is to be said of made-up data; None if there is none."""
    reported = {name for entry in figures for name in entry.selection.competition_ids} & results.competition_ids()
    mock = sorted(name for name in reported if results.conditions.data.get(name) == "mock")
    if not mock:
        return None
    which = ", ".join(mock[:3]) + (f" and {len(mock) - 3} more" if len(mock) > 3 else "")
    mixed = f"; the figures mix them with {len(reported) - len(mock)} on real data" if len(mock) < len(reported) else ""
    return f"mock data: scores of {which} come from synthetic data, are meaningless and earn no medal{mixed}"


def _resume(results: Results) -> str:
    groups = [source for source in results.sources if Path(source).is_dir()]
    return command("run", "--resume", groups[0] if len(groups) == 1 else "GROUP")


def _unknown_spreads(figures: SelectionFigures) -> Iterator[str]:
    if figures.seeds == 1:
        yield "one seed, so the standard error and the interval over seeds are unknown (–)"
    if len(figures.selection.competition_ids) == 1:
        yield "one competition, so the interval over competitions is unknown (–)"


def _budgets(entries: Sequence[ResultsDocument], selection: str) -> list[BudgetPoint]:
    """A point for each; only results that differ in nothing but limits are points of one series."""
    unlimited = [replace(entry.results, conditions=replace(entry.results.conditions, limits=None)) for entry in entries]
    points = []
    for entry, series in zip(entries, labelled(unlimited), strict=True):
        figures = entry.figures_of(selection)
        assert figures is not None
        points.append(budget_point(entry.results, series.name, figures.metrics["any_medal_percentage"].mean))
    return points


def _results_json(entry: ResultsDocument) -> dict[str, Any]:
    results = entry.results
    conditions = results.conditions
    return {
        "splits": {figures.selection.name: _figures_json(figures) for figures in entry.figures},
        "results": {
            "name": results.name,
            **conditions.to_dict(),
            "hours": conditions.hours,
            "gpus": conditions.gpus,
            "date": entry.date.isoformat() if entry.date else None,
            "sources": list(results.sources),
        },
        "notes": list(entry.notes),
        "usage": _as_json(entry.usage),
        "reported_usage": _as_json(entry.reported_usage),
        "checks": _as_json(entry.checks),
        "competitions": [{**_as_json(row.info), **_without(_as_json(row), "info")} for row in entry.competitions],
        "scaling": {"time": _as_json(entry.time), **_as_json(entry.spending), "runs": _as_json(entry.run_curves)},
        **({"review": entry.review.to_dict()} if entry.review is not None else {}),
    }


def _figures_json(figures: SelectionFigures) -> dict[str, Any]:
    content: dict[str, Any] = _as_json(figures)
    return {"metrics": content.pop("metrics"), "competitions": len(figures.selection.competition_ids)} | _without(
        content, "selection"
    )


def _comparison_json(comparison: Comparison) -> dict[str, Any]:
    content: dict[str, Any] = _as_json(comparison)
    return content | {"selection": comparison.selection.name}


def _published_json(result: PublishedResult) -> dict[str, Any]:
    content: dict[str, Any] = _as_json(result)
    return content | {"date": result.date.isoformat()}


def _without(content: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != key}


def _as_json(value: Any) -> Any:
    """Named tuples and dataclasses as dictionaries, sequences as lists, keys as text."""
    if isinstance(value, Usage):
        return value.to_dict()
    if hasattr(value, "_asdict"):
        return {key: _as_json(entry) for key, entry in value._asdict().items()}
    if hasattr(value, "__dataclass_fields__"):
        return {key: _as_json(getattr(value, key)) for key in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {str(key): _as_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_as_json(entry) for entry in value]
    return value
