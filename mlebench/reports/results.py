"""Results: the graded runs of one agent under one set of conditions, sorted into seeds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from grading.printable import printable
from grading.report import CompetitionReport
from mlebench.errors import UsageError
from mlebench.reports.kept_review import KeptReview
from mlebench.runs.conditions import Conditions
from mlebench.runs.spending import Spent
from mlebench.runs.usage import Usage

Layers = Mapping[int, Mapping[str, "GradedRun"]]
"""Runs by seed and competition. The seeds are counted from 0 within a source and may have gaps."""
_LONGEST_LABEL = 100


@dataclass(frozen=True)
class Checks:
    """What one run asked the submission checker."""

    verdicts: int
    """Answers that said valid or not."""
    refused: int
    """Answers without a verdict."""
    files: int | None
    """How many different files got a verdict; None if an earlier harness did not keep their hashes."""
    submission_was_checked: bool | None
    """Whether the file that was graded ever got a verdict; None without such a file, or where hashes were not kept."""


@dataclass(frozen=True)
class RunDetails:
    """What a run folder records beyond the grading report."""

    folder: Path
    state: str = "finished"
    reason: str | None = None
    detail: str | None = None
    failure_class: str | None = None
    """agent or infrastructure; None if nothing failed."""
    hours: float | None = None
    """From the agent's start to its end."""
    peak_memory_bytes: int | None = None
    gpu_hours: float | None = None
    usage: Usage | None = None
    """What the gateway measured; None if no gateway was asked."""
    reported_usage: Usage | None = None
    """What the agent claims."""
    spent: tuple[Spent, ...] | None = None
    """By the run's ledger, in the order of time; no amount ever falls. None if the run has no ledger, or nobody looked."""
    checks: Checks | None = None
    check_seconds: tuple[float, ...] = ()
    """When the checker answered, since the agent's start, in the order of time; refused calls too. Empty if nobody looked."""


@dataclass(frozen=True)
class GradedSnapshot:
    """A copy of a submission that was kept while the agent worked, graded."""

    seconds: int
    """Since the agent's start."""
    report: CompetitionReport


@dataclass(frozen=True)
class GradedRun:
    """One run; `report` is None if it was planned and never graded."""

    report: CompetitionReport | None
    details: RunDetails | None = None
    snapshots: tuple[GradedSnapshot, ...] = ()
    """In the order of time."""

    @property
    def failed_by_infrastructure(self) -> bool:
        """Whether the harness or the machine is to blame, not the agent."""
        if self.report is not None and self.report.error_kind == "grader_error":
            return True
        return self.details is not None and self.details.failure_class == "infrastructure"

    def best(self) -> CompetitionReport | None:
        """The best of the last submission and all snapshots."""
        candidates = [snapshot.report for snapshot in self.snapshots]
        if self.report is not None:
            candidates.append(self.report)
        scored = [report for report in candidates if report.score is not None]
        return max(scored, key=_goodness) if scored else self.report


def _goodness(report: CompetitionReport) -> float:
    assert report.score is not None
    return -report.score if report.is_lower_better else report.score


@dataclass(frozen=True)
class Origin:
    """A run group that results come from; anybody may have written its manifest."""

    group: str
    """Name of its folder."""
    created_at: str
    """ISO text."""
    harness: str = ""
    """Version, and commit if known; empty if the manifest does not tell, as the next."""
    hardware: str = ""
    """Of the machine that started it, such as `16 × EPYC 9554, 128.0 GiB, 1 × NVIDIA H200`."""


@dataclass(frozen=True)
class Results:
    """Runs that may be averaged: those of one agent under one set of conditions."""

    conditions: Conditions
    layers: Layers
    sources: tuple[str, ...]
    """The report files or run groups that hold them."""
    notes: tuple[str, ...] = ()
    label: str = ""
    """What sets them apart from other results of the same agent in one report, such as `steps=100, local`."""
    reviews: tuple[KeptReview, ...] = ()
    """Of the groups that were reviewed and have not changed since."""
    imported_ids: frozenset[str] | None = None
    """Identifies runs of another harness, see `mlebench.runs.imported`; None of this harness's own."""
    origins: tuple[Origin, ...] = ()
    """The groups that they come from; empty for report files."""

    @property
    def name(self) -> str:
        """How tables call them."""
        return f"{self.conditions.agent} ({self.label})" if self.label else self.conditions.agent

    @property
    def seeds(self) -> list[Mapping[str, GradedRun]]:
        """The runs of each seed by competition."""
        return [self.layers[seed] for seed in sorted(self.layers)]

    def competition_ids(self) -> set[str]:
        """Every competition that was run or planned in any seed."""
        return {competition_id for layer in self.layers.values() for competition_id in layer}

    def last_date(self) -> datetime | None:
        """When the newest report was made; None if reports do not tell."""
        reports = (run.report for layer in self.layers.values() for run in layer.values() if run.report is not None)
        dates = [report.created_at for report in reports if report.created_at.timestamp() > 0]
        return max(dates, key=lambda date: date.timestamp()) if dates else None

    def filled_in(self, agent: str | None = None, models: str | None = None, hours: float | None = None) -> Results:
        """The same results with what their sources leave open: the agent's name, its models (by commas), the time limit."""
        changes: dict[str, Any] = {"agent": agent, "models": models and tuple(re.split(r",\s*", models))}
        if hours is not None:
            changes["limits"] = {**(self.conditions.limits or {}), "time_limit": hours * 3600}
        given = {part: value for part, value in changes.items() if value is not None}
        return replace(self, conditions=replace(self.conditions, **given))

    def joined(self, other: Results) -> Results:
        """These and others under equal conditions; the others follow at the first seeds where their competitions are free."""
        layers = {seed: dict(layer) for seed, layer in self.layers.items()}
        offset = 0
        while any(layers.get(seed + offset, {}).keys() & layer.keys() for seed, layer in other.layers.items()):
            offset += 1
        for seed, layer in other.layers.items():
            layers.setdefault(seed + offset, {}).update(layer)
        return replace(
            self,
            conditions=self.conditions.joined(other.conditions),
            layers=layers,
            sources=(*self.sources, *other.sources),
            notes=tuple(dict.fromkeys((*self.notes, *other.notes))),
            reviews=(*self.reviews, *other.reviews),
            origins=(*self.origins, *other.origins),
            imported_ids=None if self.imported_ids is None else self.imported_ids | (other.imported_ids or frozenset()),
        )


def pool(found: Iterable[Results]) -> list[Results]:
    """Join results under equal conditions and keep all others apart, in the order given.

    So three files with the whole benchmark are three seeds, three files with one split each are one, and a second group of
    the same agent continues the seeds of the first.
    """
    pooled: list[Results] = []
    for entry in found:
        for place, other in enumerate(pooled):
            if not other.conditions.differences(entry.conditions):
                pooled[place] = other.joined(entry)
                break
        else:
            pooled.append(entry)
    return pooled


def labelled(results: Sequence[Results]) -> list[Results]:
    """The same results, those of one agent told apart by the parts in which their conditions differ."""
    everywhere = [entry.conditions for entry in results]
    return [replace(entry, label=", ".join(entry.conditions.set_apart(everywhere))) for entry in results]


def told_apart(results: Sequence[Results]) -> list[Results]:
    """The same results, each with a unique name: `labelled`, and where they are alike in everything by where they lie."""
    named = labelled(results)
    names = Counter(entry.name for entry in named)
    return [entry if names[entry.name] == 1 else replace(entry, label=_with_sources(entry)) for entry in named]


def _with_sources(results: Results) -> str:
    lie_in = [Path(source).name for source in results.sources]
    more = [f"and {len(lie_in) - 1} more"] if len(lie_in) > 1 else []
    return printable(", ".join(filter(None, (results.label, *lie_in[:1], *more))), _LONGEST_LABEL)


def with_data_of(conditions: Conditions, reports: Iterable[tuple[str, CompetitionReport]]) -> Conditions:
    """The conditions with what reports tell of the data they were graded on: edition, keys and versions.

    Args:
        conditions: what is known next to the reports; holds where a report does not tell.
        reports: each with the name of its source.

    Raises:
        UsageError: a report is of other data than those before it, so that they cannot be averaged.
    """
    told: Conditions | None = None
    for source, report in reports:
        name = report.competition_id
        one = replace(
            conditions,
            edition=report.edition or conditions.edition,
            split_key_hash=report.split_key_hash,
            suite=conditions.suite or report.suite,
            competition_versions={name: report.competition_version or conditions.competition_versions.get(name)},
            instance_hashes={name: report.instance_hash},
            data={name: report.data} if report.data else {},
        )
        if told is not None and (differences := told.differences(one)):
            raise UsageError(
                f"a report of {name} in {source} differs from those before it in {', '.join(differences)} and cannot be averaged "
                "with them; `mlebench report A --compare B` compares reports"
            )
        told = one if told is None else told.joined(one)
    if told is None:
        return conditions
    return replace(
        told,
        competition_versions={**conditions.competition_versions, **told.competition_versions},
        instance_hashes={**conditions.instance_hashes, **told.instance_hashes},
        data={**conditions.data, **told.data},
    )
