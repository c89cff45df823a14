"""The graded snapshots of a group: what `snapshot_reports.json` says about the copies of submissions kept along the way."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

from grading.printable import printable
from grading.report import CompetitionReport
from mlebench._support.files import parse_own_json
from mlebench.evidence.names import name_of
from mlebench.evidence.opened import OpenedBundle, OpenedGroup
from mlebench.evidence.verdict import Finding
from mlebench.runs.group_report import SNAPSHOT_FILE
from mlebench.runs.record import RunRecord
from mlebench.sandbox.snapshots import seconds_of

_FOLDER = "snapshots"
_SLACK = 60.0
"""Seconds by which a run's clock and its record may differ."""
_LONGEST_NAME = 20
_MOST_SECONDS = 10**9
_NOT_IT = "it is not a list of graded snapshots"
Look = Callable[[str, RunRecord, Mapping[str, Any]], Generator[str, None, CompetitionReport | None]]
"""Says what is wrong with a report of a run, and returns it."""


@dataclass(frozen=True)
class GradedSnapshot:
    """A snapshot with the report that is on record of it."""

    run_id: str
    seconds: int
    """From the agent's start."""
    name: str
    """Of the snapshot in the bundle."""
    report: CompetitionReport

    @property
    def words(self) -> str:
        """Which one it is."""
        return _words(self.run_id, self.seconds)


class GradedSnapshots:
    """Those of a group."""

    def __init__(self, bundle: OpenedBundle, group: OpenedGroup, look: Look) -> None:
        """Args:
        bundle: what is verified.
        group: of it.
        look: at a report.
        """
        self.file = f"{group.prefix}/{SNAPSHOT_FILE}"
        self.graded: list[GradedSnapshot] = []
        """Those whose run and file are known, once `findings` were looked at."""
        self._bundle, self._group, self._look = bundle, group, look

    def findings(self) -> Iterator[Finding]:
        """Where the file disagrees with itself, with the runs' records or with the snapshots in the bundle."""
        yield from (Finding(self.file, said) for said in self._of_file())

    def _of_file(self) -> Iterator[str]:
        if self._group.is_left_out(self.file):
            yield "snapshot reports must not be present only as a hash"
            return
        try:
            content = parse_own_json((self._group.group.folder / SNAPSHOT_FILE).read_bytes())
        except FileNotFoundError:
            # nobody graded them, and nothing is said of them
            return
        except (OSError, ValueError, RecursionError):
            yield _NOT_IT
            return
        entries = content.get("snapshots") if isinstance(content, dict) else None
        if not isinstance(entries, list):
            yield _NOT_IT
            return
        times = self._times()
        seen: set[tuple[str, int]] = set()
        for number, entry in enumerate(entries, 1):
            run_id, seconds, report = (
                entry.get(key) if isinstance(entry, dict) else None for key in ("run_id", "seconds", "report")
            )
            if not isinstance(run_id, str) or not isinstance(report, dict) or not _is_time(seconds):
                yield f"entry {number} is not a graded snapshot"
            elif (record := self._group.records.get(run_id)) is None:
                yield f"entry {number} is of {printable(run_id, 100)}, which is not a run with a record"
            elif (run_id, seconds) in seen:
                yield f"{_words(run_id, seconds)}: it is listed twice"
            else:
                seen.add((run_id, seconds))
                found = self._of_entry(record, seconds, report, times.get((run_id, seconds)))
                yield from (f"{_words(run_id, seconds)}: {said}" for said in found)

    def _of_entry(self, record: RunRecord, seconds: int, content: Mapping[str, Any], name: str | None) -> Iterator[str]:
        lasted = record.wall_seconds
        if lasted is None or seconds > lasted + _SLACK:
            yield "its run did not last as long" if lasted is not None else "its run has no time in which it could be taken"
        report = yield from self._look(record.run_id, record, content)
        folder = self._group.file_of(record.run_id, _FOLDER)
        if name is None and not self._group.is_left_out(folder):
            yield "the bundle neither contains nor omits this snapshot"
            return
        if report is None:
            return
        file = PurePosixPath(report.submission_path).name
        if name is not None and file != name.rpartition("/")[2]:
            yield f"its report is of {printable(report.submission_path, 200)}"
        name = name or f"{folder}/{name_of(file)}"
        self.graded.append(GradedSnapshot(record.run_id, seconds, name, report))

    def _times(self) -> dict[tuple[str, int], str]:
        """Names of all snapshots, those that stand by hash alone included, by their runs and seconds."""
        folders = {self._group.file_of(run_id, _FOLDER): run_id for run_id in self._group.records}
        times: dict[tuple[str, int], str] = {}
        for name in (*(entry.name for entry in self._bundle.statement.subjects), *self._bundle.left_out):
            folder, _, file = name.rpartition("/")
            if folder not in folders or not file.endswith(".csv") or len(file) > _LONGEST_NAME:
                continue
            if (seconds := seconds_of(Path(file))) is not None:
                times[folders[folder], seconds] = name
        return times


def _is_time(seconds: Any) -> TypeGuard[int]:
    return type(seconds) is int and 0 <= seconds < _MOST_SECONDS


def _words(run_id: str, seconds: int) -> str:
    return f"the snapshot of {printable(run_id, 100)} after {seconds} s"
