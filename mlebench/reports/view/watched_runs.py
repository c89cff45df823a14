"""The groups of a folder and the records of their runs, read again as far as their files have changed.

A look asks the state of every file and opens those alone that have another one. It happens when somebody wants to know and the
last one is long enough ago: nothing is read while nobody watches, and looking takes a hundredth of the time at most.
"""

from __future__ import annotations

import functools
import itertools
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from mlebench._support.folders import entries_of
from mlebench.errors import UsageError
from mlebench.runs.group import Group, is_group
from mlebench.runs.harness_status import HarnessStatus, read_harness_status
from mlebench.runs.lock import is_held
from mlebench.runs.plan import PlannedRun
from mlebench.runs.record import RunRecord

_LEAST_PAUSE = 1.0
"""Seconds between two looks."""
_PAUSES_PER_LOOK = 99.0
"""How many times as long as the processor worked for a look the pause after it is."""
_PAUSES_PER_WAIT = 3.0
"""Likewise of the time that went by, which a slow file system makes long."""
_TICK_SECONDS = 2.5
"""The coarsest clock of a file system, and how far it may be behind: a file that has changed within it may change again and look
the same."""


@dataclass(frozen=True, eq=False)
class WatchedGroup:
    """A group as it was when it was last looked at: the same object for as long as nothing of it has changed."""

    name: str
    """Of its folder."""
    group: Group | None = None
    """None if its plan cannot be read."""
    problem: str | None = None
    """Why it cannot be read, one sentence."""
    records: tuple[RunRecord, ...] = ()
    """In the plan's order; that of a damaged file says so in `reason` and `detail`."""
    harness: HarnessStatus | None = None
    """What the harness that runs it says; None if none does."""
    is_held: bool = False
    """Whether a harness has its lock."""

    @functools.cached_property
    def state(self) -> str:
        """`done`, `running`, `interrupted`, or `unreadable`."""
        if self.group is None:
            return "unreadable"
        if all(record.has_ended for record in self.records):
            return "done"
        return "running" if self.harness is not None or self.is_held else "interrupted"

    def record(self, run_id: str) -> RunRecord | None:
        """The record of a run; None if the plan has no such run."""
        return self._by_id.get(run_id)

    @functools.cached_property
    def _by_id(self) -> Mapping[str, RunRecord]:
        return {record.run_id: record for record in self.records}


class Runs(Protocol):
    """The groups of a folder, as pages ask for them."""

    @property
    def folder(self) -> Path:
        """In which the groups lie."""

    def groups(self) -> list[WatchedGroup]:
        """Every group, the newest first."""

    def group(self, name: str) -> WatchedGroup | None:
        """The group of that name; None if there is none."""

    def look(self) -> Seen:
        """What there is, as seen a moment ago."""

    def look_anew(self) -> None:
        """Let the next who asks look, however short ago the last look was: something is known to have changed."""


@dataclass(frozen=True, eq=False)
class Seen:
    """All that one look has seen. It never changes, so that a page made from it agrees with itself."""

    folder: Path
    version: int = 0
    """Another one wherever anything has changed."""
    listed: tuple[WatchedGroup, ...] = ()
    """The newest first."""

    def groups(self) -> list[WatchedGroup]:
        """Every group, the newest first."""
        return list(self.listed)

    def group(self, name: str) -> WatchedGroup | None:
        """The group of that name; None if there is none."""
        return self._by_name.get(name)

    def look(self) -> Seen:
        """Itself."""
        return self

    def look_anew(self) -> None:
        """It stays as it is."""

    @functools.cached_property
    def _by_name(self) -> Mapping[str, WatchedGroup]:
        return {entry.name: entry for entry in self.listed}


class WatchedRuns:
    """A folder of run groups. Any thread may ask."""

    def __init__(self, folder: Path, only: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Args:
        folder: the groups are in it.
        only: name of the one group that is watched; by default all are.
        clock: seconds that pass, for the pauses between looks.
        """
        self.folder = folder
        self._only = only
        self._clock = clock
        self._looking = threading.Lock()
        self._folders: dict[str, _GroupFolder] = {}
        self._versions = itertools.count(1)
        self._seen = Seen(folder)
        self._next_look: float | None = None

    def groups(self) -> list[WatchedGroup]:
        """Every group, the newest first."""
        return self.look().groups()

    def group(self, name: str) -> WatchedGroup | None:
        """The group of that name; None if there is none."""
        return self.look().group(name)

    def look(self) -> Seen:
        """What there is, as seen a moment ago."""
        if not self._is_due():
            return self._seen
        # while somebody looks, others are told what was seen before; the first look is waited for
        if self._looking.acquire(blocking=self._next_look is None):
            try:
                if self._is_due():
                    self._look()
            finally:
                self._looking.release()
        return self._seen

    def look_anew(self) -> None:
        """Let the next who asks look, however short ago the last look was: something is known to have changed."""
        with self._looking:
            self._next_look = float("-inf")

    def _is_due(self) -> bool:
        return self._next_look is None or self._clock() >= self._next_look

    def _look(self) -> None:
        began, worked = self._clock(), time.thread_time()
        listed = self._listed()
        # the same objects as long as nothing has changed
        if list(map(id, listed)) != list(map(id, self._seen.listed)):
            self._seen = Seen(self.folder, next(self._versions), listed)
        now = self._clock()
        pauses = (_LEAST_PAUSE, _PAUSES_PER_LOOK * (time.thread_time() - worked), _PAUSES_PER_WAIT * (now - began))
        self._next_look = now + max(pauses)

    def _listed(self) -> tuple[WatchedGroup, ...]:
        names = [path.name for path in self._places() if is_group(path)]
        self._folders = {name: self._folders.get(name) or _GroupFolder(self.folder / name, WatchedGroup(name)) for name in names}
        found = [folder.look() for folder in self._folders.values()]
        return tuple(sorted(found, key=lambda entry: (entry.group.created_at if entry.group else "", entry.name), reverse=True))

    def _places(self) -> list[Path]:
        return entries_of(self.folder) if self._only is None else [self.folder / self._only]


class _Sign(NamedTuple):
    """By which a file that was replaced or changed is told from the one before."""

    modified: int
    changed: int
    size: int
    inode: int
    is_settled: bool
    """Whether whatever is written from now on has another time; always read again where it has not."""


def _sign_of(path: str) -> _Sign | int:
    """The sign of a file, or the number of the error where there is none to be had."""
    try:
        status = os.lstat(path)
    except OSError as error:
        return error.errno or 0
    except ValueError:
        return 0
    # the inode distinguishes files renamed into place within one tick, unless an inode was freed and reused
    is_settled = abs(time.time() - max(status.st_mtime, status.st_ctime)) > _TICK_SECONDS
    return _Sign(status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, is_settled)


def _is_same(sign: _Sign | int, before: _Sign | int | None) -> bool:
    """Whether a file was read when it was as it is now."""
    if isinstance(sign, _Sign) and isinstance(before, _Sign):
        return before.is_settled and sign[:4] == before[:4]
    return sign == before


@dataclass
class _RunFile:
    """The record of one run, and the file it was read from."""

    run: PlannedRun
    path: str
    sign: _Sign | int | None = None
    record: RunRecord | None = None


@dataclass
class _GroupFolder:
    """The folder of one group, between two looks."""

    folder: Path
    last: WatchedGroup
    plan_sign: _Sign | int | None = None
    group: Group | None = None
    files: list[_RunFile] = field(default_factory=list)

    def look(self) -> WatchedGroup:
        """The group as it is now; the object of the last look where nothing has changed."""
        is_other = self._read_plan()
        if self.group is None:
            return self.last
        has_news = self._read_records(self.group)
        records = tuple(file.record for file in self.files if file.record is not None)
        is_done = all(record.has_ended for record in records)
        # one on another node may be seen by what it says alone
        harness, held = (None, False) if is_done else (read_harness_status(self.folder), is_held(self.folder))
        if is_other or has_news or (harness, held) != (self.last.harness, self.last.is_held):
            self.last = WatchedGroup(self.folder.name, self.group, None, records, harness, held)
        return self.last

    def _read_plan(self) -> bool:
        """Read the plan where it has changed; whether it has."""
        sign = _sign_of(f"{self.folder}/group.yaml")
        if _is_same(sign, self.plan_sign):
            return False
        self.plan_sign = sign
        try:
            group = Group.open(self.folder)
        except UsageError as error:
            self.group, self.files = None, []
            if self.last.problem != str(error):
                self.last = WatchedGroup(self.folder.name, problem=str(error))
            return True
        if self.group == group:
            return False
        known = {file.run: file for file in self.files}
        self.group = group
        self.files = [known.get(run) or _RunFile(run, f"{group.run_dir(run.run_id)}/run.json") for run in group.plan.runs]
        return True

    def _read_records(self, group: Group) -> bool:
        """Read the records whose files have changed; whether any says something else."""
        has_news = False
        for file in self.files:
            sign = _sign_of(file.path)
            if file.record is not None and _is_same(sign, file.sign):
                continue
            file.sign = sign
            record = group.record(file.run)
            if record != file.record:
                file.record, has_news = record, True
        return has_news
