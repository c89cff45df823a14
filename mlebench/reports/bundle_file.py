"""Reads the results of the run groups in a bundle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from grading.printable import printable
from mlebench._support.hints import command
from mlebench.errors import BundleFault, ContainerFault, UsageError
from mlebench.evidence.opened import OpenedBundle, OpenedGroup, opened
from mlebench.evidence.verdict import Verdict
from mlebench.evidence.verify import verify_bundle
from mlebench.reports.group_folder import read_group
from mlebench.reports.results import GradedRun, Results

_LONGEST_NOTE = 400


@dataclass(frozen=True)
class BundleResults:
    """What the groups of one bundle came to."""

    results: tuple[Results, ...]
    """One for each group, in the order of names."""
    traces: frozenset[str]
    """What two different runs never share: heads of ledgers, and the moments of start and end with the competition."""
    sha256: str
    """Of the whole file, as it was read."""


def read_bundle(path: Path) -> BundleResults:
    """The results in a bundle, whose hashes nobody has looked at.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with opened(path) as bundle:
            results = tuple(_results(path, group) for group in bundle.groups)
            return BundleResults(results, frozenset(_traces(bundle)), bundle.container.sha256)
    except (BundleFault, ContainerFault) as error:
        raise UsageError(f"{path} is not a readable bundle: {error}") from None
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError) as error:
        # a record may pass its own checks and still hold what no figure can be made of
        raise UsageError(f"{path} contains records that cannot be reported on: {printable(str(error), _LONGEST_NOTE)}") from None


def results_in(path: Path) -> list[Results]:
    """The results of each group in a bundle whose files are those that its statement names.

    Raises:
        UsageError: it cannot be read, or a file in it was changed.
    """
    verdict = verify_bundle(path)
    files = verdict.level("files")
    if files.state != "holds":
        why = files.findings[0].text if files.findings else files.summary
        raise UsageError(
            f"{path} is excluded, as its files differ from its statement ({why}); {command('verify', path)} says more"
        )
    read = read_bundle(path)
    _refuse_other(path, read, verdict)
    return list(read.results)


def read_verified(path: Path, verdict: Verdict) -> BundleResults:
    """The results in the very bundle that a verdict is about.

    Raises:
        UsageError: it cannot be read, or is another file by now.
    """
    read = read_bundle(path)
    _refuse_other(path, read, verdict)
    return read


def _refuse_other(path: Path, read: BundleResults, verdict: Verdict) -> None:
    if read.sha256 != verdict.sha256:
        raise UsageError(f"{path} changed while it was read; try again")


def _results(path: Path, group: OpenedGroup) -> Results:
    """Results that name the bundle where they would name the folder it was unpacked to."""
    there, shown = str(group.group.folder), f"{path}:{group.name}"
    read = read_group(group.group.folder)
    layers = {seed: {name: _placed(run, path, group) for name, run in runs.items()} for seed, runs in read.layers.items()}
    notes = [note.replace(there, shown) for note in read.notes]
    return replace(read, layers=layers, sources=(shown,), notes=tuple(printable(note, _LONGEST_NOTE) for note in notes))


def _placed(run: GradedRun, path: Path, group: OpenedGroup) -> GradedRun:
    if run.details is None:
        return run
    return replace(run, details=replace(run.details, folder=path / group.prefix / run.details.folder.name))


def _traces(bundle: OpenedBundle) -> Iterator[str]:
    for group in bundle.groups:
        for run in group.group.plan.runs:
            record = group.records.get(run.run_id)
            if record is None:
                continue
            yield from (f"{name} {end['head']}" for name, end in record.ledgers.items() if end["head"])
            if record.started_at and record.ended_at:
                yield f"{run.competition_id} {record.started_at} {record.ended_at}"
