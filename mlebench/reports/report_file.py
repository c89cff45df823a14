"""Reads report files: grading reports in the published format, single or aggregate, of this harness or another."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from grading.report import AggregateReport, CompetitionReport
from mlebench._support.files import parse_json, read_text
from mlebench._support.git_lfs import refuse_pointer
from mlebench.errors import UsageError
from mlebench.evidence.agreement import settled, wrong_totals
from mlebench.reports.results import GradedRun, Results, with_data_of
from mlebench.runs.conditions import Conditions

_ADVICE = "pass a grading report written by `mlebench grade`"
_MOST_NOTES = 10


class ReportFile(NamedTuple):
    """The reports of one file, each in agreement with itself."""

    reports: tuple[CompetitionReport, ...]
    notes: tuple[str, ...]
    """What was changed to make them agree, with the names of file and competition."""


def results_of_files(files: Mapping[Path, ReportFile]) -> dict[Path, Results]:
    """The results of each file; all are taken for runs of one agent, which is called after the files.

    Next to the data, the conditions of a report file are unknown. A copy of another file holds nothing.

    Raises:
        UsageError: reports are of different data and cannot be averaged.
    """
    if not files:
        return {}
    held = {file: content.reports for file, content in files.items()}
    notes = {file: list(content.notes) for file, content in files.items()}
    originals: dict[bytes, Path] = {}
    for file in files:
        original = originals.setdefault(file.read_bytes(), file)
        if original is not file:
            held[file] = ()
            notes[file] = [f"{file.name} is a copy of {original.name} and counts once"]
    told = [(str(file), report) for file, reports in held.items() for report in reports]
    versions = {report.competition_id: version for _, report in told if (version := report.competition_version)}
    if untold := {report.competition_id for _, report in told if report.competition_version is None} & versions.keys():
        notes[next(iter(files))].append(
            f"some reports do not state the version of {', '.join(sorted(untold))}; it is assumed to be the same"
        )
    conditions = with_data_of(Conditions(_common_name(list(files)), competition_versions=versions), told)
    return {file: Results(conditions, layers_of(held[file]), (str(file),), tuple(notes[file])) for file in files}


def read_report_file(path: Path) -> ReportFile:
    """Read an aggregate report; a single report counts as an aggregate of one.

    Raises:
        UsageError: the file cannot be read, is neither, or a report in it contradicts itself beyond repair.
    """
    text = read_text(path, "`mlebench grade` creates grading reports")
    refuse_pointer(path)
    try:
        content = parse_json(text)
    except ValueError as error:
        raise UsageError(f"{path} is not JSON ({error}); {_ADVICE}") from None
    if isinstance(content, Mapping) and "competition_reports" not in content:
        content = {"competition_reports": [content]}
    try:
        stated = AggregateReport.from_dict(content).competition_reports
    except ValueError as error:
        raise UsageError(f"{path} is not a grading report: {error}; {_ADVICE}") from None
    entries = content["competition_reports"]
    notes = wrong_totals(content, stated)
    reports: list[CompetitionReport] = []
    for number, (entry, report) in enumerate(zip(entries, stated, strict=True)):
        if entry.get("created_at") and entry in entries[:number]:
            notes.append(f"a report of {report.competition_id} appears twice in it, identically; it counts as two seeds")
        try:
            report, changes = settled(entry, report)
        except ValueError as error:
            raise UsageError(f"{path}: the report of {report.competition_id} contradicts itself: {error}; {_ADVICE}") from None
        reports.append(report)
        notes += [f"{report.competition_id}: {change}" for change in changes]
    return ReportFile(tuple(reports), tuple(f"{path.name}: {note}" for note in _shortened(notes)))


def _shortened(notes: Sequence[str]) -> list[str]:
    more = len(notes) - _MOST_NOTES
    return [*notes[:_MOST_NOTES], *([f"and {more} more contradictions of this kind"] if more > 0 else [])]


def layers_of(reports: Iterable[CompetitionReport]) -> dict[int, dict[str, GradedRun]]:
    """Sort the reports of one file into seeds.

    Where every report names its seed, that one counts. Otherwise the k-th report of a competition is its k-th seed.
    """
    listed = list(reports)
    named = {(report.competition_id, report.seed) for report in listed if report.seed is not None}
    layers: dict[int, dict[str, GradedRun]] = {}
    seen: dict[str, int] = {}
    for report in listed:
        occurrence = seen.get(report.competition_id, 0)
        seen[report.competition_id] = occurrence + 1
        seed = report.seed if report.seed is not None and len(named) == len(listed) else occurrence
        layers.setdefault(seed, {})[report.competition_id] = GradedRun(report)
    return layers


def _common_name(files: Sequence[Path]) -> str:
    if len(files) == 1:
        return files[0].stem
    return Path(os.path.commonpath([file.parent for file in files])).name or "reports"
