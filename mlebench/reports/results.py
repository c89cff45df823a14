"""An experiment: the graded runs of one agent under one set of conditions, sorted into seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from grading.report import CompetitionReport
from mlebench.errors import UsageError


@dataclass(frozen=True)
class RunDetails:
    """What a run folder tells beyond the grading report."""

    folder: Path
    state: str = "finished"
    reason: str | None = None
    detail: str | None = None
    failure_class: str | None = None
    """agent or infrastructure; None where nothing failed."""
    hours: float | None = None
    """From the agent's start to its end."""
    peak_memory_bytes: int | None = None
    gpu_hours: float | None = None


@dataclass(frozen=True)
class Snapshot:
    """One graded copy of a submission while the agent was at work."""

    seconds: int
    """Since the agent's start."""
    report: CompetitionReport


@dataclass(frozen=True)
class GradedRun:
    """One run; `report` is None where it was planned and never graded."""

    report: CompetitionReport | None
    details: RunDetails | None = None
    snapshots: tuple[Snapshot, ...] = ()
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
class Conditions:
    """What makes runs comparable: runs that differ here are never averaged."""

    agent: str
    models: str = ""
    profile: str = ""
    hours: float | None = None
    """Time limit of a run."""
    gpus: int | None = None
    """GPUs of a run."""
    obfuscated: bool = False
    """Whether the agent read task texts without names that let a model recall the competition."""


@dataclass(frozen=True)
class Batch:
    """Runs that belong together in one source: a report file or a run group.

    `layers` maps a seed, counted from 0 within the source, to its runs by competition.
    """

    source: str
    conditions: Conditions
    layers: Mapping[int, Mapping[str, GradedRun]]
    notes: tuple[str, ...] = ()

    def runs(self) -> Iterator[GradedRun]:
        """Every run."""
        for layer in self.layers.values():
            yield from layer.values()


@dataclass(frozen=True)
class Experiment:
    """Runs under equal conditions. `seeds[k]` holds the runs of seed k by competition."""

    conditions: Conditions
    seeds: tuple[Mapping[str, GradedRun], ...]
    sources: tuple[str, ...]
    edition: str
    split_key_hash: str | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        """How tables call it."""
        return self.conditions.agent

    def competition_ids(self) -> set[str]:
        """Every competition that was run or planned in any seed."""
        return {competition_id for seed in self.seeds for competition_id in seed}

    def runs_of(self, competition_id: str) -> list[GradedRun]:
        """The runs of one competition in the order of seeds; an absent one counts as not graded."""
        return [seed.get(competition_id, GradedRun(None)) for seed in self.seeds]

    def reports(self) -> Iterator[CompetitionReport]:
        """Every grading report."""
        for seed in self.seeds:
            yield from (run.report for run in seed.values() if run.report is not None)

    def last_date(self) -> datetime | None:
        """When the newest report was made; None where reports do not tell."""
        dates = [report.created_at for report in self.reports() if report.created_at.timestamp() > 0]
        return max(dates, key=lambda date: date.timestamp()) if dates else None


def layers_of(reports: Iterable[CompetitionReport]) -> dict[int, dict[str, GradedRun]]:
    """Sort the reports of one file into seeds.

    Where every report names its seed, that one counts. Otherwise the k-th report of a competition is its k-th seed.
    """
    listed = list(reports)
    named = bool(listed) and all(report.seed is not None for report in listed)
    pairs = [(report.competition_id, report.seed) for report in listed]
    if not named or len(set(pairs)) < len(pairs):
        return _layers_by_occurrence(listed)
    layers: dict[int, dict[str, GradedRun]] = {}
    for report in listed:
        layers.setdefault(report.seed or 0, {})[report.competition_id] = GradedRun(report)
    return layers


def _layers_by_occurrence(reports: Sequence[CompetitionReport]) -> dict[int, dict[str, GradedRun]]:
    layers: dict[int, dict[str, GradedRun]] = {}
    seen: dict[str, int] = {}
    for report in reports:
        seed = seen.get(report.competition_id, 0)
        seen[report.competition_id] = seed + 1
        layers.setdefault(seed, {})[report.competition_id] = GradedRun(report)
    return layers


def make_experiments(batches: Sequence[Batch]) -> list[Experiment]:
    """Pool batches of equal conditions, each placed at the first seeds where its competitions are still free.

    So three files with the whole benchmark are three seeds, three files with one split each are one, and a second group of
    the same agent continues the seeds of the first.

    Raises:
        UsageError: batches of equal conditions that were graded in different editions or with different split keys.
    """
    pools: dict[Conditions, list[Batch]] = {}
    for batch in batches:
        pools.setdefault(batch.conditions, []).append(batch)
    return [_pool(conditions, pool) for conditions, pool in pools.items()]


def _pool(conditions: Conditions, batches: Sequence[Batch]) -> Experiment:
    edition, split_key_hash = _one_edition(batches)
    _require_one_instance(batches)
    slots: dict[int, dict[str, GradedRun]] = {}
    for batch in batches:
        offset = _first_fit(slots, batch.layers)
        for seed, layer in batch.layers.items():
            slots.setdefault(seed + offset, {}).update(layer)
    return Experiment(
        conditions=conditions,
        seeds=tuple(slots[seed] for seed in sorted(slots)),
        sources=tuple(batch.source for batch in batches),
        edition=edition,
        split_key_hash=split_key_hash,
        notes=tuple(dict.fromkeys(note for batch in batches for note in batch.notes)),
    )


def _first_fit(slots: Mapping[int, Mapping[str, GradedRun]], layers: Mapping[int, Mapping[str, GradedRun]]) -> int:
    offset = 0
    while any(slots.get(seed + offset, {}).keys() & layer.keys() for seed, layer in layers.items()):
        offset += 1
    return offset


def _one_edition(batches: Sequence[Batch]) -> tuple[str, str | None]:
    found: dict[tuple[str, str | None], str] = {}
    for batch in batches:
        for run in batch.runs():
            if run.report is not None:
                # reports of other harnesses name no edition and are made of the published data
                found.setdefault((run.report.edition or "v1", run.report.split_key_hash), batch.source)
    if len(found) > 1:
        kinds = " and ".join(f"{source} ({_edition_text(*kind)})" for kind, source in found.items())
        raise UsageError(
            f"runs of different editions or split keys cannot be averaged: {kinds}; "
            "`mlebench report A --compare B` sets them side by side"
        )
    return next(iter(found), ("v1", None))


def _require_one_instance(batches: Sequence[Batch]) -> None:
    """Competitions generated from a key can be averaged only where the key is the same."""
    found: dict[str, tuple[str | None, str]] = {}
    for batch in batches:
        for report in (run.report for run in batch.runs() if run.report is not None):
            instance, source = found.setdefault(report.competition_id, (report.instance_hash, batch.source))
            if instance != report.instance_hash:
                raise UsageError(
                    f"{report.competition_id} was generated from different keys in {source} ({instance}) and {batch.source} "
                    f"({report.instance_hash}), so its scores cannot be averaged; `mlebench report A --compare B` sets them side "
                    "by side"
                )


def _edition_text(edition: str, split_key_hash: str | None) -> str:
    return f"edition {edition}, split key {split_key_hash}" if split_key_hash else f"edition {edition}"
