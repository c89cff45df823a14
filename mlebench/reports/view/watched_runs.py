"""The groups of a folder and the records of their runs, read again as far as their files have changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlebench.errors import UsageError
from mlebench.runs.group import Group, is_group
from mlebench.runs.harness_status import HarnessStatus, read_harness_status
from mlebench.runs.lock import is_held
from mlebench.runs.record import RunRecord


@dataclass(frozen=True)
class WatchedGroup:
    """A group as it was when it was last looked at."""

    name: str
    """Of its folder."""
    group: Group | None = None
    """None where its plan cannot be read."""
    problem: str | None = None
    """Why it cannot be read, one sentence."""
    records: tuple[RunRecord, ...] = ()
    """In the plan's order; that of a damaged file says so in `reason` and `detail`."""
    harness: HarnessStatus | None = None
    """What the harness that runs it says; None where none does."""

    @property
    def state(self) -> str:
        """`done`, `running`, `interrupted`, or `unreadable`."""
        if self.group is None:
            return "unreadable"
        if all(record.has_ended for record in self.records):
            return "done"
        return "running" if self.harness is not None or is_held(self.group.folder) else "interrupted"

    def record(self, run_id: str) -> RunRecord | None:
        """The record of a run; None where the plan has no such run."""
        return next((record for record in self.records if record.run_id == run_id), None)


class WatchedRuns:
    """A folder of run groups. Any thread may ask."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def groups(self) -> list[WatchedGroup]:
        """Every group, the newest first."""
        found = [self._read(path) for path in sorted(self.folder.glob("*")) if is_group(path)]
        return sorted(found, key=lambda entry: (entry.group.created_at if entry.group else "", entry.name), reverse=True)

    def group(self, name: str) -> WatchedGroup | None:
        """The group of that name; None where there is none."""
        return next((entry for entry in self.groups() if entry.name == name), None)

    def _read(self, folder: Path) -> WatchedGroup:
        try:
            group = Group.open(folder)
        except UsageError as error:
            return WatchedGroup(folder.name, problem=str(error))
        return WatchedGroup(folder.name, group, None, tuple(group.records()), read_harness_status(group.folder))
