"""Finds what a user points at: run groups, bundles of such, grading reports in the published format, folders, globs."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from grading.wording import counted
from mlebench._support.hints import quoted
from mlebench._support.paths import runs_dir
from mlebench.errors import UsageError
from mlebench.reports.bundle_file import results_in
from mlebench.reports.group_folder import read_group
from mlebench.reports.report_file import ReportFile, read_report_file, results_of_files
from mlebench.reports.results import Results, pool
from mlebench.runs.group import find_group, is_group, refuse_published_group

BUNDLE_SUFFIX = ".zip"


def load_results(sources: Sequence[str | Path], groups_dir: Path | None = None) -> list[Results]:
    """Read sources and pool what may be averaged.

    Groups are pooled where their conditions do not differ; all report files together are the results of one agent. A group or
    report that a folder or a glob stands for and that cannot be read is left out with a note; one that is named must be readable.

    Args:
        sources: a group's folder or name, `latest`, a bundle, a report file, a folder that holds such, or a glob.
        groups_dir: where groups are found by name; by default `paths.runs_dir()`.

    Raises:
        UsageError: nothing was found, a file is not a report, or reports on different data would be averaged.
    """
    found = [_places(str(source), groups_dir or runs_dir()) for source in sources]
    named = {places[0] for places in found if len(places) == 1}
    places = list(dict.fromkeys(place for entry in found for place in entry))
    files: dict[Path, ReportFile] = {}
    read: dict[Path, list[Results]] = {}
    left_out: list[str] = []
    for place in places:
        try:
            if place.is_file() and place.suffix.lower() == BUNDLE_SUFFIX:
                read[place] = results_in(place)
            elif place.is_file():
                files[place] = read_report_file(place)
            else:
                read[place] = [read_group(place)]
        except UsageError as error:
            if place in named or len(places) == 1:
                raise
            left_out.append(f"{place.name} is skipped: {error}")
    read |= {file: [results] for file, results in results_of_files(files).items()}
    left_out += _drop_copies(read, named)
    if not read:
        raise UsageError(f"nothing could be read: {'; '.join(left_out)}")
    first, *rest = pool(results for place in places if place in read for results in read[place])
    return [replace(first, notes=(*first.notes, *left_out)), *rest]


def _drop_copies(read: dict[Path, list[Results]], named: set[Path]) -> list[str]:
    """Take out what was imported twice, as each run counts once; returns a sentence for each place that is left out.

    Raises:
        UsageError: it was named as well.
    """
    owners: dict[str, Path] = {}
    said: list[str] = []
    for place in list(read):
        ids = {run_id for results in read[place] for run_id in results.imported_ids or ()}
        if shared := sorted(ids & owners.keys()):
            other = owners[shared[0]]
            text = f"{counted(len(shared), 'run')} of it {'is' if len(shared) == 1 else 'are'} also in {other}, imported again"
            if place in named:
                raise UsageError(f"{place} cannot be reported on together with {other}: {text}; pass only one of them")
            said.append(f"{place.name} is skipped: {text}")
            del read[place]
        owners |= dict.fromkeys(ids - owners.keys(), place)
    return said


def _places(source: str, groups_dir: Path) -> list[Path]:
    """The groups, bundles and report files that `source` stands for, resolved, so that naming one twice counts once."""
    path = Path(source).expanduser()
    if (group := _group_of_that_name(source, groups_dir)) is not None:
        if path.exists() and path.resolve() != group and (path.is_file() or is_group(path) or _held_by(path)):
            raise UsageError(
                f"`{source}` is both a run group in {groups_dir} and a path here; "
                f"write {quoted(str(group))} or {quoted(f'./{source}')}"
            )
        return [group]
    if path.exists():
        return _found_at(path)
    if glob.has_magic(source):
        found = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)
        if found:
            return [place for entry in found for place in _found_at(Path(entry))]
    try:
        return [find_group(groups_dir, source).folder.resolve()]
    except UsageError as error:
        raise UsageError(f"{source} is neither a run group, a bundle nor a grading report: {error}") from None


def _found_at(path: Path) -> list[Path]:
    if path.is_file() or is_group(path):
        return [path.resolve()]
    if not (held := _held_by(path)):
        refuse_published_group(path)
        raise UsageError(f"{path} contains neither run groups nor grading reports; `mlebench grade` creates reports")
    return [place.resolve() for place in held]


def _group_of_that_name(source: str, groups_dir: Path) -> Path | None:
    """The group that a bare name, or `latest`, stands for."""
    if source in ("", ".", "..") or Path(source).name != source:
        return None
    try:
        folder = find_group(groups_dir, source).folder.resolve()
    except UsageError:
        return None
    return folder if folder.parent == groups_dir.resolve() else None


def _held_by(folder: Path) -> list[Path]:
    """The groups and report files in a folder."""
    groups = sorted(inner for inner in folder.glob("*") if is_group(inner))
    reports = sorted(file for file in folder.rglob("*grading_report*.json") if not any(group in file.parents for group in groups))
    return [*groups, *reports]
