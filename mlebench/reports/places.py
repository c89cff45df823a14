"""Finds what a user points at: run groups, grading reports in the published format, folders and globs of either."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mlebench._support.paths import runs_dir
from mlebench.errors import UsageError
from mlebench.reports.group_folder import is_group, read_group
from mlebench.reports.report_file import read_report_files
from mlebench.reports.results import Results, pool
from mlebench.runs.group import find_group, refuse_published_group


def load_results(sources: Sequence[str | Path], groups_dir: Path | None = None) -> list[Results]:
    """Read sources and pool what may be averaged.

    Groups are pooled where their conditions do not differ; all report files together are the results of one agent. A group
    that a folder or a glob stands for and that cannot be read is left out with a note; one that is named must be readable.

    Args:
        sources: a group's folder or name, `latest`, a report file, a folder that holds such, or a glob.
        groups_dir: where groups are found by name; by default `paths.runs_dir()`.

    Raises:
        UsageError: nothing was found, a file is no report, or reports of different data are to be averaged.
    """
    found = [_places(str(source), groups_dir or runs_dir()) for source in sources]
    named = {places[0] for places in found if len(places) == 1}
    places = list(dict.fromkeys(place for entry in found for place in entry))
    files = [place for place in places if place.is_file()]
    read: dict[Path, Results] = dict(zip(files, read_report_files(files), strict=True)) if files else {}
    left_out: list[str] = []
    for folder in (place for place in places if place not in read):
        try:
            read[folder] = read_group(folder)
        except UsageError as error:
            if folder in named or len(places) == 1:
                raise
            left_out.append(f"{folder.name} is left out: {error}")
    if not read:
        raise UsageError(f"no run group can be read: {'; '.join(left_out)}")
    first, *rest = pool(read[place] for place in places if place in read)
    return [replace(first, notes=(*first.notes, *left_out)), *rest]


def _places(source: str, groups_dir: Path) -> list[Path]:
    """The groups and report files that `source` stands for, resolved, so that naming one twice counts once."""
    path = Path(source).expanduser()
    if not path.exists():
        if glob.has_magic(source):
            found = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)
            if found:
                return [place for entry in found for place in _places(entry, groups_dir)]
        try:
            return [find_group(groups_dir, source).folder.resolve()]
        except UsageError as error:
            raise UsageError(f"{source} is neither a run group nor a grading report: {error}") from None
    if path.is_file() or is_group(path):
        return [path.resolve()]
    groups = sorted(file.parent for file in path.glob("*/group.yaml"))
    reports = sorted(file for file in path.rglob("*grading_report*.json") if not any(group in file.parents for group in groups))
    if not groups and not reports:
        refuse_published_group(path)
        raise UsageError(f"{path} holds neither run groups nor grading reports; `mlebench grade` makes them")
    return [place.resolve() for place in [*groups, *reports]]
