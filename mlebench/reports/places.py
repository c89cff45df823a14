"""Finds what a user points at: run groups, grading reports in the published format, folders and globs of either."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from mlebench._support.paths import runs_dir
from mlebench.errors import UsageError
from mlebench.reports.group_folder import is_group, read_aggregate, read_group
from mlebench.reports.results import Batch, Conditions, Experiment, layers_of, make_experiments
from mlebench.runs.group import find_group


def load_experiments(sources: Sequence[str | Path], groups_dir: Path | None = None) -> list[Experiment]:
    """Read sources and pool them into experiments.

    Groups are pooled by agent, models and profile; all report files together are one experiment.

    Args:
        sources: a group's folder or name, `latest`, a report file, a folder that holds such, or a glob.
        groups_dir: where groups are found by name; by default `paths.runs_dir()`.

    Raises:
        UsageError: nothing was found, a file is no report, or editions are mixed.
    """
    places = [place for source in sources for place in _places(str(source), groups_dir or runs_dir())]
    files = list(dict.fromkeys(place for place in places if place.is_file()))
    batches = _read_files(files, Conditions(agent=_common_name(files)))
    batches |= {place: read_group(place) for place in places if place.is_dir()}
    return make_experiments([batches[place] for place in dict.fromkeys(places)])


def _places(source: str, groups_dir: Path) -> list[Path]:
    """The groups and report files that `source` stands for, resolved, so that naming one twice counts once."""
    path = Path(source).expanduser()
    if not path.exists():
        if glob.has_magic(source):
            found = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)
            if found:
                return [place for entry in found for place in _places(entry, groups_dir)]
        path = _group_folder(source, groups_dir)
    if path.is_file() or is_group(path):
        return [path.resolve()]
    return _inside(path)


def _group_folder(name: str, groups_dir: Path) -> Path:
    try:
        return find_group(groups_dir, name).folder
    except UsageError as error:
        raise UsageError(f"{name} is neither a run group nor a grading report: {error}") from None


def _inside(folder: Path) -> list[Path]:
    groups = sorted(file.parent for file in folder.glob("*/group.yaml"))
    reports = sorted(file for file in folder.rglob("*grading_report*.json") if not any(group in file.parents for group in groups))
    if not groups and not reports:
        raise UsageError(f"{folder} holds neither run groups nor grading reports; `mlebench grade` makes them")
    return [place.resolve() for place in [*groups, *reports]]


def _read_files(files: Iterable[Path], conditions: Conditions) -> dict[Path, Batch]:
    batches: dict[Path, Batch] = {}
    originals: dict[str, Path] = {}
    for file in files:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        original = originals.setdefault(digest, file)
        if original is file:
            batches[file] = Batch(str(file), conditions, layers_of(read_aggregate(file).competition_reports))
        else:
            note = f"{file.name} is a copy of {original.name} and counts once"
            batches[file] = Batch(str(file), conditions, {}, (note,))
    return batches


def _common_name(files: Sequence[Path]) -> str:
    if not files:
        return ""
    if len(files) == 1:
        return files[0].stem
    shared = Path(*_shared_parts([file.parent.parts for file in files]))
    return shared.name or "reports"


def _shared_parts(paths: Sequence[Sequence[str]]) -> list[str]:
    shared = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return shared
