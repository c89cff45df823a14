"""What of a run group enters its bundle, what is there by hash alone and why, and what is left away.

An agent made most of it: nothing is followed, waited for or read without bound, and anything but files is only listed.

Left away altogether is what says nothing of a result: the group's lock, hidden files of the harness, the home folders of local
runs, marks that stopped a run, reports of other editions, and reviews, which anybody makes again and whoever sends a bundle could
make kinder.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from mlebench._support.plain_files import entries_plain, kind_of
from mlebench.evidence.names import AGENTS, GROUPS, is_name, name_of
from mlebench.evidence.statement import LeftOut
from mlebench.gateway.transcript import FOLDER as TRANSCRIPTS
from mlebench.runs.attempts import FOLDER as ATTEMPTS
from mlebench.runs.group import Group
from mlebench.runs.group_report import REPORT_FILE, SNAPSHOT_FILE
from mlebench.runs.result import SUBMISSION

Part = Literal["logs", "transcripts", "code", "snapshots", "agent"]
"""What a user may leave out of a bundle."""
PARTS: tuple[Part, ...] = get_args(Part)
Kind = Literal["record", "log", "submission", "snapshot", "output", "agent", "beside a submission"]
"""record: what a verdict is made of; log: `run.log`; output: what an agent left, as it is."""

GROUP_FILE = "group.yaml"
_OF_GROUP = (GROUP_FILE, REPORT_FILE, SNAPSHOT_FILE)
_LOG = "run.log"
_RECORDS = ("run.json", "checker_calls.jsonl", "model_calls.jsonl")
_LEFT_AWAY = ("home", "stop", "cancel")
_FOLDERS: dict[str, tuple[Kind, Part | None]] = {
    "logs": ("output", "logs"),
    "code": ("output", "code"),
    TRANSCRIPTS: ("output", "transcripts"),
    "snapshots": ("snapshot", "snapshots"),
    "submission": ("beside a submission", None),
}
_DEEPEST = 64
"""Folders within each other; what lies deeper is not looked at."""
_MOST_FILES = 20_000
"""In one of an agent's folders; of the rest only the folder is named."""


@dataclass(frozen=True)
class File:
    """A file that a bundle holds, or names by its hash."""

    name: str
    """In the bundle."""
    path: Path
    within: Path
    """A folder of ours above it, see `open_plain`."""
    kind: Kind
    size: int
    """Bytes, when it was looked at."""
    part: Part | None = None


@dataclass(frozen=True)
class Contents:
    """What there is of a group; both in the order of names."""

    files: tuple[File, ...]
    no_files: tuple[LeftOut, ...]
    """Links, pipes, closed folders and whatever else no bundle can hold."""


def contents_of(group: Group, *, with_agent: bool = True) -> Contents:
    """All of a group's folder and of its agent's folder.

    Args:
        group: the group.
        with_agent: whether the agent's folder is read; without, its files are there by the hashes that were recorded.

    Raises:
        OSError: the group's folder or a run's cannot be read.
    """
    found = [*_of_group(group), *(_of_agent(group) if with_agent else _recorded_agent(group))]
    files = sorted((entry for entry in found if isinstance(entry, File)), key=lambda entry: entry.name)
    others = {entry.name: entry for entry in found if isinstance(entry, LeftOut)}
    return Contents(tuple(files), tuple(others[name] for name in sorted(others)))


def _of_group(group: Group) -> Iterator[File | LeftOut]:
    folder, prefix = group.folder, name_of(GROUPS, group.name)
    planned = {run.run_id for run in group.plan.runs}
    for name, status in entries_plain(folder, folder, _MOST_FILES + len(planned)):
        if name in planned:
            yield from _of_run(folder / name, f"{prefix}/{name_of(name)}", folder)
        elif name in _OF_GROUP:
            yield _entry(f"{prefix}/{name}", folder / name, folder, status, "record")


def _of_run(run_dir: Path, prefix: str, within: Path) -> Iterator[File | LeftOut]:
    """A run's folder, or one of its earlier attempts."""
    for name, status in entries_plain(run_dir, within, _MOST_FILES):
        path, called = run_dir / name, f"{prefix}/{name_of(name)}"
        if name.startswith(".") or name in _LEFT_AWAY:
            continue
        if name in _FOLDERS and not stat.S_ISREG(status.st_mode):
            kind, part = _FOLDERS[name]
            yield from _of_folder(path, called, within, kind, part)
        elif name == ATTEMPTS and stat.S_ISDIR(status.st_mode):
            for number, _ in entries_plain(path, within, _MOST_FILES):
                yield from _of_attempt(path / number, f"{called}/{name_of(number)}", within)
        elif name == _LOG:
            yield _entry(called, path, within, status, "log", "logs")
        else:
            yield _entry(called, path, within, status, "record" if name in _RECORDS else "output")


def _of_attempt(folder: Path, prefix: str, within: Path) -> Iterator[File | LeftOut]:
    try:
        yield from _of_run(folder, prefix, within)
    except OSError as error:
        yield cannot_read(prefix, error)


def _of_folder(folder: Path, prefix: str, within: Path, kind: Kind, part: Part | None) -> Iterator[File | LeftOut]:
    """The files below one of an agent's folders, depth first; `prefix` is what the folder is called in the bundle."""
    left = _MOST_FILES
    waiting = [(folder, prefix)]
    while waiting:
        inner, called = waiting.pop()
        if len(inner.relative_to(folder).parts) > _DEEPEST:
            yield LeftOut(called, "too deep")
            continue
        try:
            entries = entries_plain(inner, within, left)
        except OSError as error:
            yield cannot_read(called, error)
            continue
        folders = []
        for name, status in entries:
            inside = f"{called}/{name_of(name)}"
            if not is_name(inside):
                yield LeftOut(called, "names too long")
            elif stat.S_ISDIR(status.st_mode):
                folders.append((inner / name, inside))
                left -= 1
            else:
                is_submission = kind == "beside a submission" and inner / name == folder.parent / SUBMISSION
                yield _entry(inside, inner / name, within, status, "submission" if is_submission else kind, part)
                left -= 1
        waiting += reversed(folders)


def _of_agent(group: Group) -> Iterator[File | LeftOut]:
    agent, prefix = group.plan.agent, name_of(AGENTS, group.name)
    for path in agent.files():
        name = f"{prefix}/{name_of(path.relative_to(agent.directory))}"
        yield _entry(name, path, agent.directory, path.lstat(), "agent", "agent")


def recorded_agent_files(group: Group) -> dict[str, str]:
    """SHA-256 of the agent's files as they were when the group was made, by their names in a bundle; empty if none is kept."""
    kept, prefix = group.manifest.get("agent_files"), name_of(AGENTS, group.name)
    if not isinstance(kept, Mapping):
        return {}
    # a group from before they were kept whole has their first 16 digits
    return {f"{prefix}/{name_of(name)}": digest for name, digest in kept.items() if isinstance(digest, str) and len(digest) == 64}


def _recorded_agent(group: Group) -> Iterator[LeftOut]:
    recorded = recorded_agent_files(group)
    if not recorded:
        yield LeftOut(name_of(AGENTS, group.name), "agent")
    for name, digest in recorded.items():
        yield LeftOut(name, "agent", None, digest)


def _entry(name: str, path: Path, within: Path, status: os.stat_result, kind: Kind, part: Part | None = None) -> File | LeftOut:
    mode, size = status.st_mode, status.st_size
    if stat.S_ISREG(mode):
        return File(name, path, within, kind, size, part)
    return LeftOut(name, kind_of(mode))


def cannot_read(name: str, error: OSError) -> LeftOut:
    """What is in a bundle of a file or folder that cannot be opened."""
    said = {errno.EACCES: "not readable", errno.EPERM: "not readable", errno.E2BIG: "too many files"}
    return LeftOut(name, said.get(error.errno or 0, error.strerror or "not readable"))
