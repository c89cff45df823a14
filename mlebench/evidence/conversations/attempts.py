"""The attempts at the runs of a group, wherever the group lies: in its folder, or in a bundle."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grading.printable import printable
from mlebench._support.hints import command
from mlebench._support.plain_files import read_plain
from mlebench.errors import BundleFault, ContainerFault, UsageError
from mlebench.evidence.opened import OpenedBundle, OpenedGroup, opened
from mlebench.gateway.transcript import FOLDER as TRANSCRIPTS
from mlebench.gateway.transcript import LARGEST, texts_name
from mlebench.runs.attempts import parts_of, said_of_attempts
from mlebench.runs.group import Group, find_group
from mlebench.runs.plan import PlannedRun
from mlebench.runs.record import RECORD_DAMAGED, RunRecord

BUNDLE_SUFFIX = ".zip"


@dataclass(frozen=True)
class Attempt:
    """One attempt at a run, under way or ended."""

    group: Group
    run: PlannedRun
    number: int
    """From 1."""
    is_last: bool
    folder: Path
    """Holds its ledgers."""
    record: RunRecord
    said: Mapping[str, Any]
    """What the record says about it: `state`, `reason`, `started_at`, `ended_at`, …"""
    packed_texts: Callable[[int], bytes]
    """The transcript's file of a line of the ledger; raises FileNotFoundError where there is none, and OSError or ContainerFault
    where it cannot be read."""

    @property
    def name(self) -> str:
        """Identifies it, such as `group/spaceship-titanic_seed0/1`."""
        return f"{self.group.name}/{self.run.run_id}/{self.number}"


@dataclass(frozen=True)
class Unreadable:
    """A run of which nothing can be told."""

    sentence: str


@contextlib.contextmanager
def attempts_in(
    source: str, runs_dir: Path, run_ids: Collection[str] = ()
) -> Iterator[tuple[list[str], Iterator[Attempt | Unreadable]]]:
    """The ids of the runs of a group, or of all groups in a bundle, and the attempts at them, in the plan's order.

    Args:
        source: a group's name or folder, `latest`, or a bundle.
        runs_dir: where groups are found by name.
        run_ids: the runs that are wanted; all by default.

    Raises:
        UsageError: there is no such group, or the bundle cannot be read as it is.
    """
    path = Path(source).expanduser()
    if path.suffix.lower() != BUNDLE_SUFFIX or not path.is_file():
        group = find_group(runs_dir, source)
        yield _run_ids(group), _of_group(group, run_ids)
        return
    try:
        with opened(path) as bundle:
            if bundle.faults:
                raise BundleFault(bundle.faults[0].text)
            names = [name for group in bundle.groups for name in _run_ids(group.group)]
            yield names, (found for group in bundle.groups for found in _of_group(group.group, run_ids, _bundled(bundle, group)))
    except (BundleFault, ContainerFault) as error:
        raise UsageError(
            f"{path} is not a readable bundle ({printable(str(error), 300)}); {command('verify', path)} says more"
        ) from None


def attempts_at(group: Group, run: PlannedRun) -> list[Attempt | Unreadable]:
    """The attempts at one run of a group in its folder, the first one first; none before it began."""
    return list(_of_group(group, (run.run_id,)))


_Reading = Callable[[PlannedRun, tuple[str, ...]], Callable[[int], bytes]]


def _of_group(group: Group, run_ids: Collection[str], reading: _Reading | None = None) -> Iterator[Attempt | Unreadable]:
    if group.imported is not None:
        yield Unreadable(f"{group.name} was imported from {group.imported.words}, so no ledger records what its agents asked")
        return
    for run in group.plan.runs:
        if not run_ids or run.run_id in run_ids:
            yield from _of_run(group, run, reading or (lambda run, parts: _in_folder(group, run, parts)))


def _of_run(group: Group, run: PlannedRun, reading: _Reading) -> Iterator[Attempt | Unreadable]:
    record = group.record(run)
    if record.reason == RECORD_DAMAGED:
        yield Unreadable(f"{group.name}/{run.run_id} is skipped: {record.detail}")
        return
    for number, entry in said_of_attempts(record).items():
        parts = parts_of(record, number)
        folder = group.run_dir(run.run_id).joinpath(*parts)
        if number:
            yield Attempt(group, run, number, number == record.attempt, folder, record, entry, reading(run, parts))


def _in_folder(group: Group, run: PlannedRun, parts: tuple[str, ...]) -> Callable[[int], bytes]:
    within = group.run_dir(run.run_id)
    return lambda n: read_plain(within.joinpath(*parts, TRANSCRIPTS, texts_name(n)), LARGEST, within)


def _bundled(bundle: OpenedBundle, group: OpenedGroup) -> _Reading:
    def reading(run: PlannedRun, parts: tuple[str, ...]) -> Callable[[int], bytes]:
        def read(n: int) -> bytes:
            name = group.file_of(run.run_id, *parts, TRANSCRIPTS, texts_name(n))
            if name not in bundle.container:
                raise FileNotFoundError(name)
            return bundle.container.read(name, LARGEST)

        return read

    return reading


def _run_ids(group: Group) -> list[str]:
    return [run.run_id for run in group.plan.runs]
