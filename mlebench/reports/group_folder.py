"""Reads a run group: its conditions, the state of each run and what was graded of it.

A group may be read at any moment, while it runs too. What is not there yet is unknown, and what is damaged is named in a note and
left out: only a damaged plan is an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from grading.report import CompetitionReport
from grading.wording import counted
from mlebench._support.files import parse_own_json
from mlebench._support.hints import command
from mlebench._support.plain_files import read_plain
from mlebench._support.quantities import show_size
from mlebench.errors import UsageError
from mlebench.evidence.agreement import settled
from mlebench.reports.checks import checks_of
from mlebench.reports.kept_review import kept_review
from mlebench.reports.report_file import read_report_file
from mlebench.reports.results import GradedRun, GradedSnapshot, Origin, Results, RunDetails, with_data_of
from mlebench.runs.claims import check_seconds
from mlebench.runs.conditions import Conditions
from mlebench.runs.group import Group
from mlebench.runs.group_report import REPORT_FILE, SNAPSHOT_FILE, count_snapshots
from mlebench.runs.plan import PlannedRun
from mlebench.runs.record import RECORD_DAMAGED
from mlebench.runs.spending import read_spending
from mlebench.runs.usage import read_usage

_LARGEST_FILE = 2**30
_LONGEST_COMMIT = 12


def read_group(folder: Path, *, with_curves: bool = True) -> Results:
    """The runs, reports and graded snapshots of a group.

    Args:
        folder: the group's.
        with_curves: whether what curves over time and spending are made from is read, too: snapshots, and every line of every
            ledger.

    Raises:
        UsageError: the plan cannot be read, or reports of one group are of different data.
    """
    group = Group.open(folder)
    notes: list[str] = []
    graded = _graded(group, notes)
    snapshots = read_snapshots(group, notes) if with_curves else {}
    layers: dict[int, dict[str, GradedRun]] = {}
    for planned in group.plan.runs:
        run = _run(group, planned, graded.get(planned.run_id), notes, with_curves)
        layers.setdefault(planned.seed, {})[planned.competition_id] = replace(run, snapshots=snapshots.get(planned.run_id, ()))
    reports = [run.report for layer in layers.values() for run in layer.values() if run.report is not None]
    known = _with_versions(group, reports, notes)
    conditions = with_data_of(known, [(str(folder), report) for report in reports])
    notes += _of_import(group, reports)
    review = kept_review(group, notes)
    reviews = () if review is None else (review,)
    ids = None if group.imported is None else group.imported.ids
    return Results(conditions, layers, (str(folder),), tuple(notes), reviews=reviews, imported_ids=ids, origins=(_origin(group),))


def _origin(group: Group) -> Origin:
    """Circumstances by the group's manifest, as far as it holds them in the form that this harness writes."""
    return Origin(group.name, group.created_at, _harness_of(group.manifest), _hardware_of(group.manifest))


def _harness_of(manifest: Mapping[str, Any]) -> str:
    harness = manifest.get("harness")
    if not isinstance(harness, Mapping) or not isinstance(harness.get("version"), str):
        return ""
    commit = harness.get("commit")
    return str(harness["version"]) + (f" ({commit[:_LONGEST_COMMIT]})" if isinstance(commit, str) and commit else "")


def _hardware_of(manifest: Mapping[str, Any]) -> str:
    hardware = manifest.get("hardware")
    if not isinstance(hardware, Mapping):
        return ""
    cpus, model, memory, gpus = (hardware.get(key) for key in ("cpus", "cpu_model", "memory", "gpus"))
    parts = [f"{cpus} × {model or 'CPU'}"] if isinstance(cpus, int) else []
    parts += [show_size(memory)] if isinstance(memory, int) else []
    named = [str(gpu.get("name")) for gpu in gpus if isinstance(gpu, Mapping)] if isinstance(gpus, list) else []
    parts += [f"{count} × {name}" for name, count in Counter(named).items()]
    return ", ".join(parts)


def _with_versions(group: Group, reports: Sequence[CompetitionReport], notes: list[str]) -> Conditions:
    """The group's conditions; of imported runs some results may tell the version of a competition and others not."""
    if group.imported is None:
        return group.conditions
    told = {report.competition_id: report.competition_version for report in reports if report.competition_version is not None}
    untold = {report.competition_id for report in reports if report.competition_version is None} & told.keys()
    if untold:
        notes.append(f"some results do not state the version of {', '.join(sorted(untold))}; it is assumed to be the same")
    return replace(group.conditions, competition_versions={**group.conditions.competition_versions, **told})


def _of_import(group: Group, reports: Sequence[CompetitionReport]) -> list[str]:
    """What readers must know of figures that another harness stated."""
    if (imported := group.imported) is None:
        return []
    stated = sum(not report.submission_path for report in reports)
    whose = f"{counted(stated, 'result')} as stated by {imported.tool}"
    here = f"{counted(len(reports) - stated, 'result')} graded here"
    told = [words for words, count in ((whose, stated), (here, len(reports) - stated)) if count]
    left = f"; {counted(len(imported.left_out), 'run')} could not be imported" if imported.left_out else ""
    return [f"{group.name} was imported from {imported.words}, {' and '.join(told) or 'without results'}{left}"]


def _run(group: Group, planned: PlannedRun, report: CompetitionReport | None, notes: list[str], with_curves: bool) -> GradedRun:
    """One run by its record, and by its report in the group's grading report where there is one."""
    folder = group.run_dir(planned.run_id)
    record = group.record(planned)
    if record.reason == RECORD_DAMAGED:
        notes.append(f"the record of {planned.run_id} is damaged: {record.detail}")
    elif report is None and record.report is not None:
        report = record.graded
        if report is None:
            notes.append(_damaged(folder / "run.json", "its report cannot be read", group))
    details = RunDetails(
        folder=folder,
        state=record.state,
        reason=record.reason,
        detail=record.detail,
        failure_class=record.failure_class,
        hours=record.wall_seconds / 3600 if record.wall_seconds is not None else None,
        peak_memory_bytes=record.resources.get("peak_memory_bytes"),
        gpu_hours=record.gpu_hours or None,
        usage=read_usage(record.usage),
        reported_usage=read_usage(record.reported_usage),
        spent=read_spending(folder, record) if with_curves else None,
        checks=checks_of(record),
        check_seconds=check_seconds(folder, record.started_at) if with_curves else (),
    )
    return GradedRun(report, details)


def _graded(group: Group, notes: list[str]) -> Mapping[str, CompetitionReport]:
    """The reports of the group's grading report by run; none if it is damaged, as the runs' records hold them as well."""
    file = group.folder / REPORT_FILE
    if not file.is_file():
        return {}
    seeds = {planned.run_id: planned.seed for planned in group.plan.runs}
    graded: dict[str, CompetitionReport] = {}
    try:
        held, changes = read_report_file(file)
        notes += changes
        for report in held:
            run_id = report.run_id if report.run_id in seeds else PlannedRun(report.competition_id, report.seed or 0).run_id
            if run_id in graded:
                raise UsageError(f"it contains {run_id} twice")
            graded[run_id] = replace(report, seed=seeds.get(run_id, report.seed))
    except UsageError as error:
        notes.append(_damaged(file, error, group))
        return {}
    return graded


def read_snapshots(group: Group, notes: list[str]) -> Mapping[str, tuple[GradedSnapshot, ...]]:
    """The graded snapshots of each run of a group in the order of time.

    Args:
        notes: gets a sentence where they are damaged, or not graded.
    """
    file = group.folder / SNAPSHOT_FILE
    found: dict[str, list[GradedSnapshot]] = {}
    try:
        for entry in parse_own_json(read_plain(file, _LARGEST_FILE))["snapshots"]:
            report, changes = settled(entry["report"], CompetitionReport.from_dict(entry["report"]))
            snapshot = GradedSnapshot(int(entry["seconds"]), report)
            notes += [f"{file.name}: {report.competition_id}: {change}" for change in changes]
            found.setdefault(entry["run_id"], []).append(snapshot)
    except FileNotFoundError:
        if count := count_snapshots(group):
            grade = command("grade", group.folder)
            notes.append(f"{counted(count, 'snapshot')} of {group.name} not graded; {grade} grades them")
        return {}
    except (OSError, ValueError, KeyError, TypeError, OverflowError, AttributeError) as error:
        notes.append(_damaged(file, error, group))
        return {}
    return {run_id: tuple(sorted(kept, key=lambda snapshot: snapshot.seconds)) for run_id, kept in found.items()}


def _damaged(file: Path, why: object, group: Group) -> str:
    return f"{file} is damaged and ignored ({why}); {command('grade', group.folder)} rewrites it"
