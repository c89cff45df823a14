"""Reads a run group of MLE-bench: `metadata.json` with `runs`, and a folder for each run with `submission/`, `logs/` and `code/`.

A run folder is called after its competition: `<competition>_<random part>`. Two further files are read if present:

- `*_grading_report.json`, which `mlebench grade` wrote: the results, by the run folder in each `submission_path`;
- `submission.jsonl`, which lists what was to be graded: `competition_id` and `submission_path` of each run.

MLE-bench records neither times nor seeds, models or the way in which a run ended, so these stay unknown. Agents could write in
these folders: no link is followed, everything is bounded, and a run that cannot be read is reported and left out.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from grading.printable import printable
from mlebench._support.files import numbered_lines, parse_own_json
from mlebench._support.plain_files import entries_plain, read_plain
from mlebench.errors import UsageError
from mlebench.exports.imported.found import UNKNOWN_AGENT, AgentConfiguration, End, Found, FoundRun, Left, figures_of, short

_METADATA = "metadata.json"
_LISTING = "submission.jsonl"
_REPORT_SUFFIX = "grading_report.json"
_BEFORE_AGENT = "_run-group_"
_LARGEST = 64 * 2**20
_MOST_ENTRIES = 20_000
_SUBMISSION = PurePosixPath("submission/submission.csv")
_KEPT = (("logs", "logs"), ("code", "code"), ("run.log", "logs/run.log"))
"""What else is kept of a run, and where it goes in a run's folder."""
_END_UNKNOWN = End(detail="MLE-bench does not record how a run ended")
_NO_SUBMISSION = {"submission_exists": False, "valid_submission": False, "error": "the run left no submission"}


@dataclass
class _Group:
    """What a folder says of its runs."""

    folder: Path
    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the files that were read."""
    listed: dict[str, tuple[str, PurePosixPath]] = field(default_factory=dict)
    """By run folder the competition, and the path of the submission below that folder."""
    stated: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By run folder its entry in a grading report."""

    def read(self, name: str) -> bytes:
        """The content of a file of the group, which counts among those that were read."""
        content = read_plain(self.folder / name, _LARGEST, within=self.folder)
        self.files[short(name)] = hashlib.sha256(content).hexdigest()
        return content


def read_mle_bench_runs(folder: Path) -> Found:
    """The runs of a group.

    Raises:
        UsageError: the folder is not a run group of MLE-bench, or one of its files cannot be read.
    """
    group = _Group(folder)
    entries = _entries(group)
    names = _names(group, entries)
    if _LISTING in entries:
        group.listed = _listed(group, names)
    for name in sorted(name for name in entries if name.endswith(_REPORT_SUFFIX)):
        # a later report replaces what an earlier one says of a run
        group.stated |= _stated(group, name, names)
    agent = AgentConfiguration(_agent(folder))
    runs: list[FoundRun] = []
    problems: list[str] = []
    for name in names:
        if not entries.get(name):
            problems.append(f"the run {short(name)} has no folder in {short(folder.absolute().name)}")
            continue
        try:
            runs.append(_run(group, name, agent))
        except ValueError as error:
            problems.append(f"the run {short(name)} cannot be read: {printable(str(error), 300)}")
    return Found("mle-bench-runs", short(folder.absolute().name), None, tuple(runs), tuple(problems), group.files)


def _entries(group: _Group) -> dict[str, bool]:
    """What the group's folder contains by name, and whether each is a folder."""
    shown = printable(str(group.folder), 300)
    try:
        found = entries_plain(group.folder, group.folder, _MOST_ENTRIES)
    except OSError as error:
        raise UsageError(f"cannot read {shown}: {error.strerror}; give a folder with {_METADATA} and one per run") from None
    entries = {name: stat.S_ISDIR(status.st_mode) for name, status in found}
    if _METADATA not in entries:
        raise UsageError(f"{shown} contains no {_METADATA}; give a run group of MLE-bench, one of the folders below its `runs`")
    return entries


def _names(group: _Group, entries: Mapping[str, bool]) -> list[str]:
    """The run folders that `metadata.json` lists; those that are there if it lists none."""
    content = _document(group, _METADATA)
    runs = content.get("runs") if isinstance(content, Mapping) else None
    listed = [str(name) for name in runs] if isinstance(runs, Mapping | list) else []
    names = listed or [name for name, is_folder in entries.items() if is_folder and "_" in name.strip("_")]
    return [name for name in dict.fromkeys(names) if not name.startswith(".")]


def _document(group: _Group, name: str) -> Any:
    try:
        return parse_own_json(group.read(name))
    except OSError as error:
        raise UsageError(f"cannot read {printable(str(group.folder / name), 300)}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{printable(str(group.folder / name), 300)} is not JSON: {printable(str(error), 200)}") from None


def _listed(group: _Group, names: list[str]) -> dict[str, tuple[str, PurePosixPath]]:
    """What `submission.jsonl` says of each run; lines of other runs are passed over."""
    where = printable(str(group.folder / _LISTING), 300)
    listed: dict[str, tuple[str, PurePosixPath]] = {}
    try:
        text = group.read(_LISTING).decode("utf-8-sig")
        for number, line in numbered_lines(text):
            content = _line(line, f"{where}, line {number}")
            found = _place(content.get("submission_path"), names)
            if found is not None and isinstance(content.get("competition_id"), str):
                listed[found[0]] = (content["competition_id"], found[1])
    except OSError as error:
        raise UsageError(f"cannot read {where}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{where} is not UTF-8 text; remove it, as run folders are read without it too") from None
    return listed


def _line(line: str, where: str) -> Mapping[str, Any]:
    try:
        content = parse_own_json(line.encode())
    except ValueError as error:
        raise UsageError(f"{where} is not JSON: {printable(str(error), 200)}") from None
    if not isinstance(content, Mapping):
        raise UsageError(f"{where} is not an object with `competition_id` and `submission_path`")
    return content


def _place(path: Any, names: list[str]) -> tuple[str, PurePosixPath] | None:
    """The run folder in a path, and what follows it there; None if there is none, or the rest leads out of it."""
    parts = PurePosixPath(path).parts if isinstance(path, str) else ()
    known = set(names)
    for number, part in enumerate(parts):
        rest = parts[number + 1 :]
        if part in known and rest and ".." not in rest:
            return part, PurePosixPath(*rest)
    return None


def _stated(group: _Group, name: str, names: list[str]) -> dict[str, dict[str, Any]]:
    """The entries of a grading report by run folder."""
    content = _document(group, name)
    entries = content.get("competition_reports") if isinstance(content, Mapping) else None
    found = {}
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and (place := _place(entry.get("submission_path"), names)) is not None:
            found[place[0]] = entry
    return found


def _agent(folder: Path) -> str:
    """The agent in the name of a group, `<time>_run-group_<agent>`."""
    _, separator, agent = folder.absolute().name.partition(_BEFORE_AGENT)
    return (short(agent) if separator else "") or UNKNOWN_AGENT


def _run(group: _Group, name: str, agent: AgentConfiguration) -> FoundRun:
    folder = group.folder / name
    competition, place = group.listed.get(name, (name.rpartition("_")[0], _SUBMISSION))
    submission = Left(folder / place, group.folder, "submission/submission.csv")
    is_there = os.path.lexists(submission.path)
    stated = figures_of(group.stated.get(name, {} if is_there else _NO_SUBMISSION))
    return FoundRun(
        name=short(name),
        task=competition,
        agent=agent,
        end=_END_UNKNOWN,
        id=short(name),
        stated=stated,
        is_ungraded=not stated,
        submission=submission if is_there else None,
        left=tuple(Left(folder / source, group.folder, target) for source, target in _KEPT),
    )
