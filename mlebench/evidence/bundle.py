"""Makes a bundle: one file with all that somebody else needs to check the results of run groups, made in one pass."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from grading.printable import printable
from grading.wording import counted
from mlebench._support.hints import command
from mlebench._support.plain_files import open_plain
from mlebench._support.secret_search import SearchedStream, SecretSearch
from mlebench._support.secrets import Mask
from mlebench._support.steps import Listener, Tally, ignore
from mlebench._support.version import VERSION
from mlebench.errors import ContainerFault, UsageError, WorkFailed
from mlebench.evidence.competition_data import CompetitionData
from mlebench.evidence.container import LARGEST_TOTAL, MOST_ENTRIES, ContainerWriter
from mlebench.evidence.contents import GROUP_FILE, Contents, File, Part, cannot_read, contents_of, recorded_agent_files
from mlebench.evidence.packed import Unsearchable, is_packed, secrets_within
from mlebench.evidence.statement import STATEMENT_FILE, Envelope, LeftOut, Statement, Subject
from mlebench.evidence.trust import Signer
from mlebench.runs.agent_files import changed_files
from mlebench.runs.group import Group
from mlebench.runs.group_report import REPORT_FILE
from mlebench.runs.lock import hold, is_held
from mlebench.runs.manifest import harness_commit
from mlebench.runs.record import RECORD_DAMAGED

LARGEST = 100 * 2**20
"""Bytes of a submission, or of another file of an agent's, that enters a bundle unless the user says otherwise."""
_BLOCK = 2**20
_MOST_NAMES = 32 * 2**20
"""Bytes of all names, which a reader keeps in memory."""
_MOST_NAMED = 3
_serial = itertools.count()


@dataclass(frozen=True)
class Made:
    """A bundle that was made."""

    path: Path
    sha256: str
    """Of the whole file, in hexadecimal."""
    size: int
    """Bytes."""
    statement: Statement
    keyid: str | None
    """Who signed it; None if nobody did."""


@dataclass(frozen=True)
class Limits:
    """How large files may be that enter a bundle; larger ones are there by hash."""

    submission: int = LARGEST
    """Bytes of a submission or a snapshot of one."""
    file: int = LARGEST
    """Bytes of any other file that an agent left."""


def make_bundle(
    groups: Sequence[Group],
    target: Path,
    *,
    leave_out: Collection[Part] = (),
    limits: Limits = Limits(),
    signer: Signer | None = None,
    secrets: Mapping[str, str] | None = None,
    overwrite: bool = False,
    listener: Listener = ignore,
) -> Made:
    """Write a bundle of run groups whose runs have all ended. The same groups give the same bytes.

    Args:
        groups: at least one, in any order; each is held meanwhile, so that no harness runs it.
        target: the file; it appears whole or not at all.
        leave_out: parts whose files are in it by hash alone.
        limits: how large files may be.
        signer: signs the statement; nobody does by default.
        secrets: values by name that must not be in what is written, in any printed form, nor in what gzip, bzip2, xz
            or zip packed there.
        overwrite: whether a file at `target` is replaced.
        listener: gets the bytes that are packed.

    Raises:
        UsageError: a group cannot be bundled as it is, a secret was found, or the target will not do; nothing was written.
        WorkFailed: a file changed while it was read, or the target cannot be written.
    """
    groups = sorted(groups, key=lambda group: group.name)
    _refuse_target(target, groups, overwrite)
    _refuse_same_names(groups)
    with contextlib.ExitStack() as held:
        for group in groups:
            held.enter_context(_held(group))
        for group in groups:
            _refuse_unfinished(group)
            if "agent" not in leave_out and group.imported is None:
                _refuse_changed_agent(group)
        contents = [_contents(group, with_agent="agent" not in leave_out and group.imported is None) for group in groups]
        statement, keyid = _write(groups, contents, target, overwrite, _Rules(leave_out, limits, secrets or {}, signer, listener))
    with target.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Made(target, sha256, target.stat().st_size, statement, keyid)


@dataclass(frozen=True)
class _Rules:
    leave_out: Collection[Part]
    limits: Limits
    secrets: Mapping[str, str]
    signer: Signer | None
    listener: Listener


def _write(
    groups: Sequence[Group], contents: Sequence[Contents], target: Path, overwrite: bool, rules: _Rules
) -> tuple[Statement, str | None]:
    partial = target.with_name(f".{target.name}.{os.getpid()}.{next(_serial)}")
    try:
        with partial.open("xb") as file:
            packing = _Packing(groups, contents, ContainerWriter(file), rules)
            made = packing.done()
            file.flush()
            os.fsync(file.fileno())
        _put_in_place(partial, target, overwrite)
        return made
    except ContainerFault as error:
        raise WorkFailed(f"cannot create {target}: {error}") from None
    except OSError as error:
        raise WorkFailed(f"cannot write {target}: {error.strerror or error}; choose another place with `-o`") from None
    finally:
        partial.unlink(missing_ok=True)


def _put_in_place(partial: Path, target: Path, overwrite: bool) -> None:
    if not overwrite and os.path.lexists(target):
        raise UsageError(f"{target} was created meanwhile; replace it with `--force`, or choose another file with `-o`")
    partial.replace(target)


class _Packing:
    """The one pass over all files."""

    def __init__(self, groups: Sequence[Group], contents: Sequence[Contents], writer: ContainerWriter, rules: _Rules) -> None:
        self._groups = groups
        self._writer = writer
        self._rules = rules
        self._search = SecretSearch(rules.secrets)
        self._files = sorted((file for found in contents for file in found.files), key=lambda file: file.name)
        self._left_out = [entry for found in contents for entry in found.no_files]
        self._subjects: list[Subject] = []
        sizes = {file.size for file in self._files if file.kind in ("output", "agent", "beside a submission")}
        self._data = CompetitionData(groups, sizes)
        self._room = _Room(self._files)
        self._recorded = {name: digest for group in groups for name, digest in recorded_agent_files(group).items()}

    def done(self) -> tuple[Statement, str | None]:
        """Write everything, the statement last."""
        name = self._groups[0].name if len(self._groups) == 1 else counted(len(self._groups), "group")
        tally = Tally(self._rules.listener, name, "bundling", sum(file.size for file in self._files))
        for file in self._files:
            self._put(file)
            tally.add(file.size)
        statement = Statement(
            subjects=tuple(self._subjects),
            left_out=tuple(sorted(self._left_out, key=lambda entry: entry.name)),
            groups=tuple(group.name for group in self._groups),
            harness={"version": VERSION, "commit": harness_commit()},
        )
        envelope = Envelope(statement.to_bytes())
        self._refuse_secrets(self._search.found_in(envelope.payload), "the list of its files")
        keyid = None
        if self._rules.signer is not None:
            signature = self._rules.signer.sign(envelope.signed_bytes)
            envelope, keyid = replace(envelope, signatures=(signature,)), signature[0]
        content = envelope.to_bytes()
        self._writer.add(STATEMENT_FILE, iter([content]), len(content))
        self._writer.close()
        return statement, keyid

    def _put(self, file: File) -> None:
        path = os.fsencode(file.path.relative_to(file.within))
        if found := self._search.found_in(path):
            self._refuse_secrets(found, f"the name of {os.fsdecode(Mask(self._rules.secrets.values()).apply(path))}", file)
        try:
            stream = open_plain(file.path, file.within)
        except OSError as error:
            if file.kind in ("record", "agent"):
                raise WorkFailed(f"cannot read {file.path}: {error.strerror}") from None
            self._left_out.append(cannot_read(file.name, error))
            return
        with stream:
            self._put_stream(file, stream, os.fstat(stream.fileno()).st_size)

    def _put_stream(self, file: File, stream: IO[bytes], size: int) -> None:
        reason = self._reason(file, size)
        digest = None
        if reason is None and file.kind not in ("record", "log", "submission", "snapshot"):
            reason, digest = self._reason_within(file, stream, size)
        if reason is not None:
            self._left_out.append(LeftOut(file.name, reason, size, digest or _sha256(stream, file)))
            return
        stream.seek(0)
        searched = SearchedStream(self._search)
        subject = self._writer.add(file.name, self._searched(stream, searched, file, size), size)
        if digest not in (None, subject.sha256) or self._recorded.get(file.name, subject.sha256) != subject.sha256:
            raise WorkFailed(f"{file.path} changed while it was read; bundle the group again")
        self._subjects.append(subject)

    def _reason(self, file: File, size: int) -> str | None:
        """Why a file stands by hash alone, as far as its place and its size say; None if they do not."""
        if file.part is not None and file.part in self._rules.leave_out:
            return file.part
        if file.kind == "beside a submission":
            return "not submitted"
        limits = {"submission": self._rules.limits.submission, "snapshot": self._rules.limits.submission,
                  "output": self._rules.limits.file}  # fmt: skip
        most = limits.get(file.kind)
        if most is not None and size > most:
            return "large"
        return None if file.kind != "output" or self._room.take(file.name, size) else "too many files"

    def _reason_within(self, file: File, stream: IO[bytes], size: int) -> tuple[str | None, str | None]:
        """The same as far as its content says, and its hash where that was needed."""
        digest = None
        if self._data.may_hold(size):
            digest = _sha256(stream, file)
            if self._data.holds(size, digest):
                return "competition data", digest
        if self._search and is_packed(stream):
            digest = digest or _sha256(stream, file)
            try:
                self._refuse_secrets(secrets_within(stream, size, self._search), file.name, file)
            except Unsearchable:
                return "not searchable", digest
        return None, digest

    def _searched(self, stream: IO[bytes], searched: SearchedStream, file: File, size: int) -> Iterator[bytes]:
        left = size
        for block in _blocks(stream, file):
            # data appended meanwhile is not part of it
            block = block[:left]
            left -= len(block)
            if self._search:
                searched.feed(block)
                self._refuse_secrets(searched.found, file.name, file)
            if block:
                yield block
            if not left:
                break
        if left:
            raise WorkFailed(f"{file.path} shrank while it was read; bundle the group again")

    def _refuse_secrets(self, found: set[str], where: str, file: File | None = None) -> None:
        if not found:
            return
        names = " and ".join(sorted(found))
        ways = "remove it there" if file is None or file.part is None else f"exclude such files with `--leave-out {file.part}`"
        raise UsageError(f"nothing was written: {printable(where)} contains the value of {names}; {ways}, and renew the secret")


class _Room:
    """What a container has room for next to the files that a verdict is made of: an agent may leave any number of others."""

    def __init__(self, files: Sequence[File]) -> None:
        needed = [file for file in files if file.kind != "output"]
        self._files = MOST_ENTRIES // 2 - len(needed)
        self._bytes = LARGEST_TOTAL // 2 - sum(file.size for file in needed)
        self._names = _MOST_NAMES - sum(len(file.name) for file in needed)

    def take(self, name: str, size: int) -> bool:
        """Whether one more file fits in, which then has its place."""
        if self._files < 1 or self._bytes < size or self._names < len(name):
            return False
        self._files, self._bytes, self._names = self._files - 1, self._bytes - size, self._names - len(name)
        return True


def _blocks(stream: IO[bytes], file: File) -> Iterator[bytes]:
    while True:
        try:
            block = stream.read(_BLOCK)
        except OSError as error:
            raise WorkFailed(f"cannot read {file.path}: {error.strerror}") from None
        if not block:
            return
        yield block


def _sha256(stream: IO[bytes], file: File) -> str:
    stream.seek(0)
    digest = hashlib.sha256()
    for block in _blocks(stream, file):
        digest.update(block)
    return digest.hexdigest()


def _contents(group: Group, *, with_agent: bool) -> Contents:
    try:
        contents = contents_of(group, with_agent=with_agent)
    except OSError as error:
        raise WorkFailed(f"cannot read {error.filename or group.folder}: {error.strerror}") from None
    names = {file.path for file in contents.files}
    for path in (group.folder / GROUP_FILE, group.folder / REPORT_FILE):
        if path not in names:
            raise UsageError(f"{path} is missing or not a file; {command('grade', group.folder)} writes it")
    for file in contents.no_files:
        if with_agent and file.name.startswith("agents/"):
            raise UsageError(
                f"{printable(file.name)} is {file.reason}, which a bundle never follows; replace it with the file, or exclude "
                "the agent's folder with `--leave-out agent`"
            )
    return contents


def _refuse_target(target: Path, groups: Sequence[Group], overwrite: bool) -> None:
    if target.is_dir():
        raise UsageError(f"{target} is a folder; choose a file with `-o`, such as `-o {target / 'results.mlebench.zip'}`")
    if os.path.lexists(target) and not overwrite:
        raise UsageError(f"{target} exists; replace it with `--force`, or choose another file with `-o`")
    if not target.parent.is_dir():
        raise UsageError(f"{target.parent} does not exist; create it, or choose another file with `-o`")
    place = target.parent.resolve()
    for group in groups:
        for folder in (group.folder, group.plan.agent.directory):
            if place.is_relative_to(folder.resolve()):
                raise UsageError(f"{target} would be inside {folder}, which is being bundled; choose a file elsewhere with `-o`")


def _refuse_same_names(groups: Sequence[Group]) -> None:
    for one, other in itertools.pairwise(groups):
        if one.name == other.name:
            raise UsageError(
                f"{one.folder} and {other.folder} share a name, which identifies groups in a bundle; bundle them one by one"
            )


@contextlib.contextmanager
def _held(group: Group) -> Iterator[None]:
    try:
        lock = hold(group.folder)
        lock.__enter__()
    except OSError:
        # a folder that may only be read has no harness that writes there
        if is_held(group.folder):
            raise UsageError(f"run group {group.name} is running; wait until it ends") from None
        yield
        return
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def _refuse_unfinished(group: Group) -> None:
    records = group.records()
    resume = command("run", "--resume", group.folder)
    if damaged := [record for record in records if record.reason == RECORD_DAMAGED]:
        raise UsageError(f"{printable(damaged[0].detail or '', 400)}")
    if left := [record for record in records if not record.has_ended]:
        raise UsageError(
            f"run group {group.name} has not ended: {len(left)} of {counted(len(records), 'run')} left; {resume} continues it"
        )


def _refuse_changed_agent(group: Group) -> None:
    plan = group.plan
    if not plan.agent.directory.is_dir():
        raise UsageError(
            f"the agent's folder {plan.agent.directory} is missing; restore it, or exclude it with `--leave-out agent`"
        )
    if plan.agent_fingerprint and plan.agent.fingerprint() != plan.agent_fingerprint:
        files = changed_files(group.manifest.get("agent_files"), plan.agent)
        named = f": {printable(files, 300)}" if files else ""
        raise UsageError(
            f"{plan.agent.directory} has changed since the group was created{named}; restore it, or exclude it with "
            "`--leave-out agent`"
        )
