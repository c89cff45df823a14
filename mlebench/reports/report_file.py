"""Reads report files: grading reports in the published format, single or aggregate, of this harness or another."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from grading.report import AggregateReport, CompetitionReport
from mlebench._support.git_lfs import refuse_pointer
from mlebench.errors import UsageError
from mlebench.reports.results import GradedRun, Results, with_data_of
from mlebench.runs.conditions import Conditions


def read_report_files(files: Sequence[Path]) -> list[Results]:
    """The results of each file; all are taken for runs of one agent, which is called after the files.

    Beside the data, the conditions of a report file are unknown. A copy of another file holds nothing.

    Raises:
        UsageError: a file is no report, or reports are of different data and cannot be averaged.
    """
    held: dict[Path, Sequence[CompetitionReport]] = {}
    notes: dict[Path, list[str]] = {file: [] for file in files}
    originals: dict[bytes, Path] = {}
    for file in files:
        held[file] = read_aggregate(file).competition_reports
        original = originals.setdefault(file.read_bytes(), file)
        if original is not file:
            held[file] = ()
            notes[file].append(f"{file.name} is a copy of {original.name} and counts once")
    told = [(str(file), report) for file, reports in held.items() for report in reports]
    versions = {report.competition_id: version for _, report in told if (version := report.competition_version)}
    if untold := {report.competition_id for _, report in told if report.competition_version is None} & versions.keys():
        notes[files[0]].append(
            f"some reports do not give the version of {', '.join(sorted(untold))}; it is assumed to be the same"
        )
    conditions = with_data_of(Conditions(_common_name(files), competition_versions=versions), told)
    return [Results(conditions, layers_of(held[file]), (str(file),), tuple(notes[file])) for file in files]


def read_aggregate(path: Path) -> AggregateReport:
    """Read an aggregate report; a single report counts as an aggregate of one.

    Raises:
        UsageError: the file cannot be read, or is neither.
    """
    refuse_pointer(path)
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
