"""Level 5: grading the submissions again gives the recorded scores.

That takes the answers. Without them it is still looked at whether the record, the group's report, the submission's hash and the
competition's board agree: what does not fails, and what does is not claimed.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from grading.printable import printable
from grading.report import CompetitionReport, aggregate_reports
from grading.wording import counted
from mlebench._support import paths
from mlebench._support.files import parse_own_json
from mlebench._support.steps import Listener, ignore
from mlebench._support.version import VERSION
from mlebench.errors import MlebenchError
from mlebench.evidence.agreement import settled
from mlebench.evidence.levels.snapshots import GradedSnapshot, GradedSnapshots
from mlebench.evidence.opened import GROUP_FILE, RECORD_FILE, OpenedBundle, OpenedGroup
from mlebench.evidence.statement import Subject
from mlebench.evidence.verdict import Finding, Level
from mlebench.grade.many import grade_many
from mlebench.grade.one import Submission
from mlebench.registry import Competition, Registry
from mlebench.runs.group_report import REPORT_FILE, group_totals
from mlebench.runs.manifest import other_data
from mlebench.runs.record import RunRecord
from mlebench.runs.result import SUBMISSION

_FLAGS = ("any_medal", "gold_medal", "silver_medal", "bronze_medal", "above_median")
_THRESHOLDS = ("gold_threshold", "silver_threshold", "bronze_threshold", "median_threshold", "is_lower_better")
_OF_DATA = ("instance_hash", "data", "competition_version")
_STANDING = ("rank", "leaderboard_size", "percentile")
_REGRADED = ("score", "submission_exists", "valid_submission", "error_kind", *_FLAGS, *_THRESHOLDS)


@dataclass(frozen=True)
class Regrade:
    """How submissions are graded again."""

    data_dir: Path | None
    """Where data is; by default the user's."""
    split_key: str | None
    """The secret key that it was made from."""
    jobs: int = 1
    listener: Listener = ignore
    """Gets the submissions of each group that are graded."""
    """Processes."""


def scores_level(bundle: OpenedBundle, regrade: Regrade | None) -> Level:
    """The level; see the module.

    Args:
        bundle: what is verified.
        regrade: None if nothing is graded again.
    """
    looks = [_OfGroup(bundle, group, regrade) for group in bundle.groups]
    findings = [finding for look in looks for finding in look.findings()]
    if regrade is not None:
        findings += [finding for look in looks for finding in look.regraded(regrade)]
    flags = tuple(flag for look in looks for flag in look.flags)
    if findings:
        return Level.failing("scores", f"{counted(len(findings), 'result')} not as recorded", findings, flags)
    total, same = sum(look.total for look in looks), sum(look.same for look in looks)
    if regrade is None:
        said = f"{counted(total, 'score')} consistent with the rest of the bundle; add `--regrade` to grade the submissions again"
        return Level("scores", "not claimed", said, flags=flags)
    gaps = list(dict.fromkeys(gap for look in looks for gap in look.gaps))
    if same == total and not gaps and total:
        snapshots = sum(len(look.snapshots) for look in looks)
        said = counted(total - snapshots, "submission") + (f" and {counted(snapshots, 'snapshot')}" if snapshots else "")
        return Level("scores", "holds", f"{said} graded again here, with the recorded results", flags=flags)
    return Level("scores", "not claimed", "; ".join([f"{same} of {total} results are the same", *gaps]), flags=flags)


@dataclass(frozen=True)
class _Graded:
    """A file with the report that is on record of it."""

    said_in: str
    """The file of the bundle that holds the report."""
    words: str
    """Which one of that file's it is; empty if it holds one alone."""
    name: str
    """Of the file that was graded, in the bundle."""
    report: CompetitionReport
    submission: Submission

    @property
    def is_snapshot(self) -> bool:
        """Whether it was copied along the way."""
        return bool(self.words)


class _OfGroup:
    def __init__(self, bundle: OpenedBundle, group: OpenedGroup, regrade: Regrade | None) -> None:
        self.group = group
        self.reports: dict[str, CompetitionReport] = {}
        """By run, as recorded."""
        self.same = 0
        """Submissions that were graded again with the recorded result."""
        self.gaps: list[str] = []
        self.flags: list[Finding] = []
        plan = group.group.plan
        self._bundle = bundle
        self._subjects: Mapping[str, Subject] = {entry.name: entry for entry in bundle.statement.subjects}
        self._key = regrade.split_key if regrade is not None else None
        self._data_dir = (regrade.data_dir if regrade is not None else None) or paths.data_dir()
        self._version = group.group.manifest.get("harness", {}).get("version")
        self._edition = plan.edition
        self._competitions: dict[str, Competition | None] = {}
        self._snapshots = GradedSnapshots(bundle, group, self._of_report)

    def findings(self) -> Iterator[Finding]:
        for run_id, record in self.group.records.items():
            name = self.group.file_of(run_id, RECORD_FILE)
            yield from (Finding(name, said) for said in self._of_record(run_id, record))
            yield from self._of_submission(run_id, record)
        yield from (Finding(f"{self.group.prefix}/{REPORT_FILE}", said) for said in self._of_group_report())
        yield from (Finding(f"{self.group.prefix}/{GROUP_FILE}", said) for said in self._of_digests())
        yield from self._snapshots.findings()

    def _of_digests(self) -> Iterator[str]:
        """What the digests of the data say about it against the group's conditions."""
        plan, conditions = self.group.group.plan, self.group.group.conditions
        recorded = self.group.group.manifest.get("data")
        for competition_id, digests in recorded.items() if isinstance(recorded, Mapping) else ():
            expected = {
                "competition_version": conditions.competition_versions.get(competition_id),
                "instance_hash": conditions.instance_hashes.get(competition_id),
                "data": conditions.data.get(competition_id),
                "split_key_hash": plan.split_key_hash,
            }
            for key, value in expected.items():
                if not isinstance(digests, Mapping) or digests.get(key) != value:
                    shown = f"`manifest.data` and `conditions` disagree about {printable(str(competition_id), 80)}"
                    yield f"{shown}: {key.replace('_', ' ')}"

    # one run

    def _of_record(self, run_id: str, record: RunRecord) -> Iterator[str]:
        content = record.report
        if content is None:
            ended_by_us = record.failure_class == "infrastructure" or record.state == "cancelled" or not record.has_ended
            if not ended_by_us:
                yield "the run exited but has no grading report"
            return
        report = yield from self._of_report(run_id, record, content)
        if report is not None:
            self.reports[run_id] = report

    def _of_report(
        self, run_id: str, record: RunRecord, content: Mapping[str, Any]
    ) -> Generator[str, None, CompetitionReport | None]:
        """What is wrong with a report of a run's last submission or of a snapshot; returns the report, None if it is none."""
        try:
            report = CompetitionReport.from_dict(content)
            _, notes = settled(content, report)
        except (ValueError, TypeError) as error:
            yield f"its report is invalid: {printable(str(error), 200)}"
            return None
        yield from (f"its report contradicts itself: {printable(note, 200)}" for note in notes)
        if self._version == VERSION and report.to_dict() != dict(content):
            yield "its report is not in the form that this harness writes"
        conditions, plan = self.group.group.conditions, self.group.group.plan
        competition_id = record.competition_id
        expected = {
            "run_id": run_id, "competition_id": competition_id, "seed": record.seed, "edition": plan.edition,
            "split_key_hash": plan.split_key_hash, "suite": plan.suite_name,
            "instance_hash": conditions.instance_hashes.get(competition_id),
            "data": conditions.data.get(competition_id, report.data),
            "competition_version": conditions.competition_versions.get(competition_id) or report.competition_version,
        }  # fmt: skip
        may_be_unknown = _OF_DATA if self.group.group.imported is not None else ()
        for key, value in expected.items():
            if key in may_be_unknown and None in (value, getattr(report, key)):
                continue
            if getattr(report, key) != value:
                stated = printable(str(getattr(report, key)), 60)
                yield f"its report is of {key.replace('_', ' ')} {stated}, and the run of {printable(str(value), 60)}"
        yield from self._of_board(report)
        return report

    def _of_board(self, report: CompetitionReport) -> Iterator[str]:
        """Thresholds, medals and rank against the board of this harness's competition, where it is the same version."""
        competition = self._competition(report.competition_id)
        if competition is None or competition.facts.version != report.competition_version or report.data == "mock":
            return
        if competition.facts.keyed and competition.instance_hash != report.instance_hash:
            return
        try:
            placed = CompetitionReport.from_score(report.competition_id, report.score, competition.board(), submission_path="")
        except (MlebenchError, OSError, ValueError):
            return
        if placed.thresholds is None:
            return
        is_its_board = _is_its_board(competition, placed, report)
        if competition.facts.thresholds is None and not is_its_board:
            return
        keys = [*_THRESHOLDS, *_FLAGS, *(_STANDING if is_its_board else ())]
        if wrong := [key for key in keys if getattr(placed, key) != getattr(report, key)]:
            yield f"{', '.join(f'`{key}`' for key in wrong)} of its report {'is' if len(wrong) == 1 else 'are'} not the board's"

    def _competition(self, competition_id: str) -> Competition | None:
        if competition_id not in self._competitions:
            try:
                registry = Registry(data_dir=self._data_dir, edition=self._edition, split_key=self._key)
                self._competitions[competition_id] = registry.get_competition(competition_id)
            except (MlebenchError, OSError, ValueError):
                self._competitions[competition_id] = None
        return self._competitions[competition_id]

    def _of_submission(self, run_id: str, record: RunRecord) -> Iterator[Finding]:
        """The file that was submitted against its hash in the record, and against the report."""
        name = self.group.file_of(run_id, *SUBMISSION.parts)
        left_out = self._bundle.left_out.get(name)
        there = self._subjects[name].sha256 if name in self._subjects else None if left_out is None else left_out.sha256
        stated, report = record.submission_sha256, self.reports.get(run_id)
        if stated is not None and there is None:
            yield Finding(name, "the run submitted this file, but it is not in the bundle")
        elif stated is not None and there is not None and there != stated:
            yield Finding(name, "it is not the submitted file: the record has a different hash")
        elif stated is None and there is not None and report is not None:
            yield Finding(name, "the record has no submission hash, but the bundle has a submission")
        elif report is not None and report.valid_submission and stated is None and not self._is_stated(report):
            yield Finding(self.group.file_of(run_id, RECORD_FILE), "its report is for an unknown submission")

    def _is_stated(self, report: CompetitionReport) -> bool:
        """Whether another harness states it and nothing was graded here."""
        return self.group.group.imported is not None and not report.submission_path

    # the group

    def _of_group_report(self) -> Iterator[str]:
        path = self.group.group.folder / REPORT_FILE
        try:
            found = parse_own_json(path.read_bytes())
        except FileNotFoundError:
            yield "the group's report is not in the bundle"
            return
        except (OSError, ValueError):
            yield "it is not a grading report"
            return
        if not isinstance(found, dict):
            yield "it is not a grading report"
            return
        records = [self.group.records[run.run_id] for run in self.group.group.plan.runs if run.run_id in self.group.records]
        graded = [record.graded for record in records]
        made = aggregate_reports(report for report in graded if report is not None).to_dict()
        expected = json.loads(json.dumps({**made, "run_group": group_totals(self.group.group, records)}))
        yield from self._differences(found, expected)

    def _differences(self, found: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[str]:
        for key, value in expected.items():
            stated = found.get(key)
            if key == "competition_reports" and isinstance(stated, list):
                yield from _other_reports(stated, value)
            elif key == "run_group" and isinstance(stated, Mapping):
                inner = [name for name in value if stated.get(name) != value[name] and self._says(stated, name)]
                # a group's folder may have another name since
                names = {record.group for record in self.group.records.values()}
                inner = [name for name in inner if name != "group" or stated.get("group") not in names]
                if inner:
                    yield f"{', '.join(f'`run_group.{name}`' for name in inner)} not as the runs' records make it"
            elif stated != value and self._says(found, key):
                yield f"`{key}` is {printable(str(stated), 40)}, and the runs' records make {printable(str(value), 40)}"

    def _says(self, content: Mapping[str, Any], key: str) -> bool:
        """Whether a key must be there: an earlier harness did not know all of them."""
        return key in content or self._version == VERSION

    # grading again

    def regraded(self, regrade: Regrade) -> Iterator[Finding]:
        """Where grading again comes to another result."""
        graded = [entry for entry in self._everything() if self._can_be_graded(entry)]
        registry = Registry(data_dir=self._data_dir, edition=self._edition, split_key=self._key)
        try:
            submissions = [entry.submission for entry in graded]
            reports = grade_many(
                submissions,
                registry,
                jobs=regrade.jobs,
                listener=lambda step: regrade.listener(step._replace(subject=self.group.name)),
            )
        except MlebenchError as error:
            self.gaps.append(printable(str(error), 300))
            return
        for entry, report in zip(graded, reports, strict=True):
            if report.error_kind == "grader_error":
                self.gaps.append(f"the grader of {report.competition_id} failed here")
            elif wrong := [key for key in _REGRADED if getattr(report, key) != getattr(entry.report, key)]:
                yield Finding(entry.said_in, f"{entry.words}{_change(wrong, entry.report, report)}")
            else:
                self.same += 1

    @property
    def total(self) -> int:
        """Results that are on record: of runs and of snapshots."""
        return len(self.reports) + len(self.snapshots)

    @property
    def snapshots(self) -> Sequence[GradedSnapshot]:
        """Those on record, once `findings` were looked at."""
        return self._snapshots.graded

    def _everything(self) -> Iterator[_Graded]:
        for run_id, report in self.reports.items():
            name = self.group.file_of(run_id, *SUBMISSION.parts)
            yield _Graded(self.group.file_of(run_id, RECORD_FILE), "", name, report, self._submission(run_id, SUBMISSION))
        for snapshot in self.snapshots:
            submission = self._submission(snapshot.run_id, PurePosixPath("snapshots", snapshot.name.rpartition("/")[2]))
            yield _Graded(self._snapshots.file, f"{snapshot.words}: ", snapshot.name, snapshot.report, submission)

    def _submission(self, run_id: str, path: PurePath) -> Submission:
        record, folder = self.group.records[run_id], self.group.run_dir(run_id)
        folder.mkdir(exist_ok=True)
        return Submission(record.competition_id, folder / path, record.seed, run_id, within=folder)

    def _can_be_graded(self, entry: _Graded) -> bool:
        if self._is_stated(entry.report):
            self.gaps.append("results of another harness without a submission cannot be regraded")
            return False
        if entry.report.error_kind == "grader_error":
            self.gaps.append("graders failed when the runs were made")
            return False
        if problem := self._data_problem(entry.report.competition_id):
            self.gaps.append(problem)
            return False
        left_out = self._bundle.left_out.get(entry.name)
        if entry.is_snapshot and self.group.is_left_out(entry.name):
            self.gaps.append("snapshots are present only as hashes")
            return False
        # an entry without a hash was not a file, which no grader accepts
        if left_out is not None and left_out.sha256 is not None:
            self.gaps.append("submissions are present only as hashes")
            return False
        return True

    def _data_problem(self, competition_id: str) -> str | None:
        """Why grading here need not give the recorded scores; None if it must."""
        competition = self._competition(competition_id)
        if competition is None:
            return f"unknown competition {printable(competition_id, 80)}"
        key_hash = self.group.group.plan.split_key_hash
        if competition.edition.key_hash != key_hash:
            needed = f"the secret key {printable(str(key_hash), 20)}" if key_hash else "the published key"
            return f"the data was split with {needed}; pass it with `--split-key`"
        if not competition.answers.is_file():
            words = f"mlebench prepare -c {competition_id}" + ("" if self._edition == "v1" else f" --edition {self._edition}")
            return f"{competition_id} is not prepared here; run `{words}`"
        other = other_data(self.group.group.manifest, competition)
        return None if other is None else f"the data of {competition_id} differs from the recorded one: {printable(other, 200)}"


def _is_its_board(competition: Competition, placed: CompetitionReport, report: CompetitionReport) -> bool:
    """Whether the leaderboard here is the one on which a report was placed: a refreshed one may be there, here, or of another
    day."""
    if placed.leaderboard_size is None:
        return False
    is_refreshed = competition.leaderboard.parent == competition.root
    return not is_refreshed or placed.leaderboard_size == report.leaderboard_size


def _other_reports(found: Sequence[Any], expected: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if list(found) == list(expected):
        return
    mine = {report.get("run_id"): report for report in expected}
    ids = [str(report.get("run_id")) if isinstance(report, Mapping) else "?" for report in found]
    for run_id in dict.fromkeys(ids):
        if ids.count(run_id) > 1:
            yield f"it contains the report of {printable(run_id, 100)} {ids.count(run_id)} times"
    for report, run_id in zip(found, ids, strict=True):
        if run_id not in mine:
            yield f"it contains a report of {printable(run_id, 100)}, whose record has none"
        elif report != mine[run_id]:
            keys = [key for key in mine[run_id] if report.get(key) != mine[run_id][key]]
            said = ", ".join(f"`{key}`" for key in keys) or "something"
            yield f"{said} of {printable(run_id, 100)} differs from the run's record"
    order = [str(run_id) for run_id in mine]
    yield from (f"the report of {printable(run_id, 100)} is missing from it" for run_id in order if run_id not in ids)
    if ids != order and sorted(ids) == sorted(order):
        yield "its reports are not in the plan's order"


def _change(keys: Sequence[str], recorded: CompetitionReport, found: CompetitionReport) -> str:
    """What grading again says otherwise."""
    changes = (
        f"`{key}` {printable(str(getattr(recorded, key)), 30)} → {printable(str(getattr(found, key)), 30)}" for key in keys
    )
    return f"graded again here, its report changes: {', '.join(changes)}"
