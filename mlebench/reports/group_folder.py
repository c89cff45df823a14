"""Reads a run group: its plan, the state of each run and what was graded of it.

A group may be read at any moment, while it runs too; what is not there yet is unknown, never an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from grading.report import AggregateReport, CompetitionReport
from mlebench.errors import UsageError
from mlebench.reports.results import Batch, Conditions, GradedRun, RunDetails, Snapshot
from mlebench.runs.group import Group
from mlebench.runs.group_report import REPORT_FILE, SNAPSHOT_FILE
from mlebench.runs.plan import PlannedRun
from mlebench.runs.record import RunRecord


def is_group(folder: Path) -> bool:
    """Whether `folder` is a run group."""
    return (folder / "group.yaml").is_file()


def read_group(folder: Path) -> Batch:
    """The plan, runs, reports and graded snapshots of a group.

    Raises:
        UsageError: the plan or a report cannot be read.
        WorkFailed: the record of a run is damaged.
    """
    group = Group.open(folder)
    graded = _graded(group)
    snapshots = _snapshots(folder)
    layers: dict[int, dict[str, GradedRun]] = {}
    for planned in group.plan.runs:
        record = group.record(planned)
        layers.setdefault(planned.seed, {})[planned.competition_id] = GradedRun(
            report=graded[planned] if planned in graded else _report_of(record, folder),
            details=_details(group.run_dir(planned.run_id), record),
            snapshots=snapshots.get(planned.run_id, ()),
        )
    return Batch(str(folder), _conditions(group), layers)


def _conditions(group: Group) -> Conditions:
    plan = group.plan
    return Conditions(
        agent=plan.agent.id,
        models=", ".join(plan.agent.models),
        profile=plan.profile.name + (", obfuscated" if plan.obfuscated else ""),
        hours=plan.profile.time_limit / 3600,
        gpus=plan.profile.gpus,
        obfuscated=plan.obfuscated,
    )


def _details(folder: Path, record: RunRecord) -> RunDetails:
    return RunDetails(
        folder=folder,
        state=record.state,
        reason=record.reason,
        detail=record.detail,
        failure_class=record.failure_class,
        hours=record.wall_seconds / 3600 if record.wall_seconds is not None else None,
        peak_memory_bytes=record.resources.get("peak_memory_bytes"),
        gpu_hours=record.gpu_hours or None,
    )


def _report_of(record: RunRecord, folder: Path) -> CompetitionReport | None:
    try:
        return CompetitionReport.from_dict(record.report) if record.report is not None else None
    except ValueError as error:
        raise UsageError(f"the report of {record.run_id} is damaged: {error}; `mlebench grade {folder}` makes it anew") from None


def _graded(group: Group) -> dict[PlannedRun, CompetitionReport]:
    file = group.folder / REPORT_FILE
    if not file.is_file():
        return {}
    by_id = {planned.run_id: planned for planned in group.plan.runs}
    graded: dict[PlannedRun, CompetitionReport] = {}
    for report in read_aggregate(file).competition_reports:
        planned = by_id.get(report.run_id or "") or PlannedRun(report.competition_id, report.seed or 0)
        if planned in graded:
            raise UsageError(f"{file} holds {planned.run_id} twice; `mlebench grade {group.folder}` makes it anew")
        graded[planned] = replace(report, seed=planned.seed)
    return graded


def _snapshots(folder: Path) -> dict[str, tuple[Snapshot, ...]]:
    try:
        content = json.loads((folder / SNAPSHOT_FILE).read_text(encoding="utf-8"))
        entries = [
            (entry["run_id"], Snapshot(int(entry["seconds"]), CompetitionReport.from_dict(entry["report"])))
            for entry in content["snapshots"]
        ]
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{folder / SNAPSHOT_FILE} is damaged; `mlebench grade {folder}` makes it anew") from None
    found: dict[str, list[Snapshot]] = {}
    for run_id, snapshot in entries:
        found.setdefault(run_id, []).append(snapshot)
    return {run_id: tuple(sorted(kept, key=lambda snapshot: snapshot.seconds)) for run_id, kept in found.items()}


def read_aggregate(path: Path) -> AggregateReport:
    """Read an aggregate report; a single report counts as an aggregate of one.

    Raises:
        UsageError: the file cannot be read, or is neither.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; `mlebench grade` makes grading reports") from None
    except ValueError:
        raise UsageError(f"{path} is not JSON; give a grading report, as `mlebench grade` writes it") from None
    try:
        if isinstance(content, Mapping) and "competition_reports" not in content:
            content = {"competition_reports": [content]}
        return AggregateReport.from_dict(content)
    except ValueError as error:
        raise UsageError(f"{path} is no grading report: {error}; give a grading report, as `mlebench grade` writes it") from None
