"""A bundle that anybody may have written, opened: what levels look at, unpacked and hashed in one pass over its container."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grading.printable import printable
from mlebench._support.quantities import show_size
from mlebench._support.steps import Listener, Tally, ignore
from mlebench.errors import BundleFault, ContainerFault, UsageError, WorkFailed
from mlebench.evidence.container import Container
from mlebench.evidence.foreign_container import ForeignContainer
from mlebench.evidence.names import AGENTS, GROUPS, is_name, name_of
from mlebench.evidence.statement import STATEMENT_FILE, Envelope, LeftOut, Statement
from mlebench.evidence.verdict import Finding
from mlebench.runs.group import Group
from mlebench.runs.group_report import REPORT_FILE, SNAPSHOT_FILE
from mlebench.runs.ledgers import MOST_BYTES as LARGEST_LEDGER
from mlebench.runs.record import RunRecord
from mlebench.sandbox.base import LARGEST_SUBMISSION

GROUP_FILE, RECORD_FILE, AGENT_FILE = "group.yaml", "run.json", "agent.yaml"
_LARGEST_STATEMENT = 128 * 2**20
_LARGEST = {GROUP_FILE: 8 * 2**20, REPORT_FILE: 64 * 2**20, SNAPSHOT_FILE: 64 * 2**20, RECORD_FILE: 16 * 2**20, AGENT_FILE: 2**20}
_MOST_GROUPS = 1000
_MOST_RUNS = 100_000
"""Of a group; a few bytes of seeds and competitions can plan more than a memory holds."""
_LONGEST_WORDS = 300


@dataclass(frozen=True)
class OpenedGroup:
    """A run group of a bundle."""

    name: str
    prefix: str
    """Of the names of its files, such as `groups/NAME`."""
    group: Group
    records: Mapping[str, RunRecord]
    """By run id, in the plan's order; runs without a record that can be read are missing."""
    unreadable: Mapping[str, str]
    """By run id why a record that is there cannot be read."""
    left_out: Mapping[str, str]
    """Reasons of what stands by hash alone, by name; of the whole bundle."""

    def run_dir(self, run_id: str) -> Path:
        """Where a run's unpacked files lie."""
        return self.group.run_dir(run_id)

    def file_of(self, run_id: str, *parts: str) -> str:
        """What a file of a run is called in the bundle."""
        return f"{self.prefix}/{name_of(run_id, *parts)}"

    def is_left_out(self, name: str) -> bool:
        """Whether a file, or a folder above it, is in the bundle by hash alone."""
        return self.left_out_reason(name) is not None

    def left_out_reason(self, name: str) -> str | None:
        """Why it does; None if it does not."""
        while name:
            if name in self.left_out:
                return self.left_out[name]
            name = name.rpartition("/")[0]
        return None


@dataclass(frozen=True)
class OpenedBundle:
    """What levels look at."""

    container: Container | ForeignContainer
    envelope: Envelope
    statement: Statement
    folder: Path
    """Where the files lie that levels read, under their names; a private one, which is removed afterwards."""
    groups: tuple[OpenedGroup, ...]
    faults: tuple[Finding, ...] = ()
    """What was not as stated while the files were read."""
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)
    """What stands by hash alone, by name."""


@contextlib.contextmanager
def opened(path: Path, listener: Listener = ignore) -> Iterator[OpenedBundle]:
    """Open a bundle; its unpacked files are removed at the end.

    Args:
        path: the bundle.
        listener: gets the bytes that are unpacked.

    Raises:
        BundleFault: it is none, or holds no groups that can be looked at.
        OSError: it cannot be read, or there is no room to unpack it.
    """
    folder = Path(tempfile.mkdtemp(prefix="mlebench-verify-"))
    try:
        with _opened_container(path) as container:
            envelope, statement, other_form = _statement(container)
            faults = (
                *container.form_faults,
                *other_form,
                *_other_names(container, statement),
                *_unpack(container, statement, folder, path.name, listener),
            )
            left_out = {entry.name: entry for entry in statement.left_out}
            reasons = {entry.name: entry.reason for entry in statement.left_out}
            groups = tuple(_group(name, folder, reasons) for name in _group_names(statement))
            yield OpenedBundle(container, envelope, statement, folder, groups, faults, left_out)
    except ContainerFault as error:
        raise BundleFault(str(error)) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _opened_container(path: Path) -> Container | ForeignContainer:
    try:
        return Container.open(path)
    except ContainerFault as error:
        try:
            return ForeignContainer.open(path, str(error))
        except ContainerFault:
            # what is wrong with it is what keeps it from being a bundle
            raise BundleFault(str(error)) from None


def _statement(container: Container | ForeignContainer) -> tuple[Envelope, Statement, list[Finding]]:
    """What the bundle says about itself, and a finding where it says that in another form."""
    if STATEMENT_FILE not in container:
        raise BundleFault(f"it contains no {STATEMENT_FILE}, so its files are unidentified")
    try:
        content = container.read(STATEMENT_FILE, _LARGEST_STATEMENT)
        envelope = Envelope.from_bytes(content)
        statement = Statement.from_bytes(envelope.payload)
    except ValueError as error:
        # UnicodeDecodeError quotes all that it could not decode
        said = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else printable(str(error), _LONGEST_WORDS)
        raise BundleFault(said, STATEMENT_FILE) from None
    is_ours = envelope.to_bytes() == content and statement.to_bytes() == envelope.payload
    return envelope, statement, [] if is_ours else [Finding(STATEMENT_FILE, "it is not written as this harness writes it")]


def _other_names(container: Container | ForeignContainer, statement: Statement) -> Iterator[Finding]:
    """Where the names in the container and in the statement differ, and what no statement of ours says."""
    names = [subject.name for subject in statement.subjects]
    known, there = set(names), set(container.names) - {STATEMENT_FILE}
    yield from (Finding(name, "it is in the bundle but not in the statement") for name in sorted(there - known))
    yield from (Finding(printable(name, 200), "it is in the statement but not in the bundle") for name in sorted(known - there))
    if len(known) < len(names) or names != sorted(names):
        yield Finding(STATEMENT_FILE, "it lists a file twice or out of name order")
    by_hash = [entry.name for entry in statement.left_out]
    if by_hash != sorted(set(by_hash)):
        yield Finding(STATEMENT_FILE, "it lists an omitted file twice or out of name order")
    for name in by_hash:
        if name in known or not is_name(name):
            yield Finding(STATEMENT_FILE, f"{printable(name, 200)} cannot be left out: {_why_not(name, known)}")
    above = tuple(
        {f"{name_of(GROUPS, name)}/" for name in statement.groups} | {f"{name_of(AGENTS, name)}/" for name in statement.groups}
    )
    for name in sorted(there):
        if not name.startswith(above):
            yield Finding(name, "it belongs to no run group listed in the statement")


def _why_not(name: str, known: set[str]) -> str:
    return "it is in the bundle" if name in known else "that is not a valid file name in a bundle"


def _unpack(
    container: Container | ForeignContainer, statement: Statement, folder: Path, bundle: str, listener: Listener
) -> Iterator[Finding]:
    """Read every file once; those that levels look at are written below `folder`."""
    stated = {subject.name: subject for subject in statement.subjects}
    tally = Tally(listener, bundle, "unpacking", sum(container.size(name) for name in container.names if name != STATEMENT_FILE))
    for name in container.names:
        if name == STATEMENT_FILE:
            continue
        digest = hashlib.sha256()
        target = _target(name, container.size(name), folder)
        try:
            with contextlib.ExitStack() as stack:
                file = None
                if target is not None:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    file = stack.enter_context(target.open("xb"))
                for block in container.blocks(name):
                    digest.update(block)
                    tally.add(len(block))
                    if file is not None:
                        file.write(block)
        except ContainerFault as error:
            yield Finding(name, str(error))
            continue
        subject = stated.get(name)
        if subject is None:
            continue
        if subject.size != container.size(name):
            yield Finding(name, f"it has {container.size(name):,} bytes instead of {subject.size:,}")
        elif subject.sha256 != digest.hexdigest():
            yield Finding(name, "its content differs from the statement: its SHA-256 is different")


def _target(name: str, size: int, folder: Path) -> Path | None:
    """Where a file is unpacked to; None of one that is only hashed."""
    parts = name.split("/")
    if not _is_looked_at(parts):
        return None
    most = LARGEST_SUBMISSION if "submission" in parts or "snapshots" in parts else _LARGEST.get(parts[-1], LARGEST_LEDGER)
    if size > most:
        raise BundleFault(f"it is larger than {show_size(most)}, the limit for its kind", name)
    return Path(folder, *parts)


def _is_looked_at(parts: list[str]) -> bool:
    if parts[0] == AGENTS:
        return len(parts) == 3 and parts[2] == AGENT_FILE
    inner = parts[2:]
    if len(inner) == 1:
        return inner[0] in _LARGEST
    if inner[1:2] == ["attempts"]:
        return len(inner) == 4 and inner[3].endswith(".jsonl")
    if len(inner) == 2:
        return inner[1] == RECORD_FILE or inner[1].endswith(".jsonl")
    return inner[1:] == ["submission", "submission.csv"] or (len(inner) == 3 and inner[1] == "snapshots")


def _group_names(statement: Statement) -> tuple[str, ...]:
    names = statement.groups
    if not names or len(names) > _MOST_GROUPS or list(names) != sorted(set(names)):
        raise BundleFault("it lists no run group, one twice, or groups out of name order", STATEMENT_FILE)
    for name in names:
        if not is_name(name_of(GROUPS, name)) or "/" in name or "\0" in name:
            raise BundleFault(f"{printable(repr(name), 100)} is not a valid run group name", STATEMENT_FILE)
    return names


def _group(name: str, folder: Path, left_out: Mapping[str, str]) -> OpenedGroup:
    prefix = name_of(GROUPS, name)
    there = folder / prefix
    if prefix != f"{GROUPS}/{name}" and there.is_dir():
        # the harness reads a group's name off its folder
        there = there.rename(folder / GROUPS / name)
    try:
        group = Group.open(there)
    except UsageError as error:
        raise BundleFault(_without(str(error), there), f"{prefix}/{GROUP_FILE}") from None
    if len(group.plan.seeds) * len(group.plan.competitions) > _MOST_RUNS:
        raise BundleFault(f"it plans more than {_MOST_RUNS:,} runs", f"{prefix}/{GROUP_FILE}")
    records, unreadable = {}, {}
    for run in group.plan.runs:
        path = group.run_dir(run.run_id) / RECORD_FILE
        if not os.path.lexists(path):
            continue
        try:
            records[run.run_id] = RunRecord.read(path.parent)
        except WorkFailed as error:
            unreadable[run.run_id] = _without(str(error), there)
    return OpenedGroup(name, prefix, group, records, unreadable, left_out)


def _without(message: str, folder: Path) -> str:
    """A message without the private folder, which is irrelevant to readers."""
    return printable(message.replace(f"{folder}/", "").replace(str(folder), "the group"), _LONGEST_WORDS)
