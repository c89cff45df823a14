"""Regrades a run group from its agents' submissions, without running anything."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

from grading.report import AggregateReport, CompetitionReport, aggregate_reports
from mlebench._support.files import move_aside, write_json
from mlebench._support.folders import entries_of
from mlebench._support.steps import Listener, ignore
from mlebench.errors import UsageError
from mlebench.grade import save_report
from mlebench.grade.many import grade_many
from mlebench.grade.one import Submission
from mlebench.registry import Registry
from mlebench.registry.facts import EditionName
from mlebench.runs.group import Group
from mlebench.runs.group_report import SNAPSHOT_FILE, write_grading_report
from mlebench.runs.lock import hold
from mlebench.runs.plan import PlannedRun
from mlebench.runs.record import RECORD_DAMAGED, RunRecord
from mlebench.runs.result import SUBMISSION, book_report, kept_report
from mlebench.sandbox.snapshots import seconds_of

logger = logging.getLogger("mlebench")


def regrade_group(
    folder: Path,
    *,
    edition: EditionName | None = None,
    split_key: str | None = None,
    data_dir: Path | str | None = None,
    jobs: int = 1,
    output_dir: Path | str | None = None,
    live_thresholds: bool = False,
    listener: Listener = ignore,
) -> AggregateReport:
    """Grade the last submissions and the snapshots of a group.

    In the plan's own edition, the new reports replace the old ones in `run.json` and `grading_report.json`, and those of
    snapshots are written to `snapshot_reports.json`. In another edition, or with `output_dir`, the group stays unchanged and
    `<timestamp>_grading_report.json` is written. A run whose record is damaged is left out with a warning. Imported runs without
    a submission keep what their harness stated.

    Args:
        folder: the group's folder.
        edition: by default the plan's.
        split_key: the secret key that the data was split with, if any.
        data_dir: by default the plan's.
        jobs: number of processes.
        output_dir: where to write instead of the group's folder.
        live_thresholds: use medal thresholds of the refreshed leaderboard.
        listener: gets the number of submissions and snapshots that are graded.

    Raises:
        UsageError: there is no such group, a harness is running it, the split key differs, or data is not prepared.
    """
    group = Group.open(folder)
    chosen = edition or group.plan.edition
    registry = Registry().set_data_dir(data_dir or group.plan.data_dir).set_edition(chosen, split_key)
    _check_key(group, registry)
    in_place = chosen == group.plan.edition and output_dir is None
    # also held while grading, so that no run is repeated that is about to get another report
    with hold(group.folder) if in_place else contextlib.nullcontext():
        records = {planned: group.record(planned) for planned in group.plan.runs}
        for record in records.values():
            if record.reason == RECORD_DAMAGED:
                logger.warning("%s is left out: %s", record.run_id, record.detail)
        runs = [planned for planned, record in records.items() if _is_gradable(record)]
        if group.imported is not None:
            runs = [planned for planned in runs if _last_submission(group, planned).is_file()]
            if not runs:
                raise UsageError(f"{group.name} was imported without submissions, so there is nothing to regrade")
        if not runs:
            raise UsageError(f"no run of {folder} has ended; {group.command('runs', group.name)} shows their states")
        submissions = [_submission(group, planned, _last_submission(group, planned)) for planned in runs]
        snapshots = _snapshots(group, runs) if in_place else []
        everything = [*submissions, *(submission for _, _, submission in snapshots)]
        graded = grade_many(everything, registry, jobs=jobs, live_thresholds=live_thresholds, listener=listener)
        owners = [*runs, *(planned for planned, _, _ in snapshots)]
        reports = [
            kept_report(report, records[planned], group.run_dir(planned.run_id), group.plan.suite_name)
            for planned, report in zip(owners, graded, strict=True)
        ]
        last, along_the_way = reports[: len(submissions)], reports[len(submissions) :]
        aggregate = aggregate_reports(last)
        if in_place:
            for planned, report in zip(runs, last, strict=True):
                book_report(records[planned], report)
                records[planned].write(group.run_dir(planned.run_id))
            _write_snapshots(group, [seconds for _, seconds, _ in snapshots], along_the_way)
            write_grading_report(group)
        else:
            save_report(aggregate, Path(output_dir or group.folder))
    return aggregate


def _check_key(group: Group, registry: Registry) -> None:
    plan = group.plan
    if registry.edition != plan.edition or not plan.competitions:
        return
    given = registry.get_competition(plan.competitions[0]).edition.key_hash
    if given != plan.split_key_hash:
        raise UsageError(
            f"{group.folder} was run on data split with {_key_text(plan.split_key_hash)}, not with {_key_text(given)}; "
            "give that key with `mlebench grade --split-key`"
        )


def _key_text(key_hash: str | None) -> str:
    return f"key {key_hash}" if key_hash else "the published key"


def _is_gradable(record: RunRecord) -> bool:
    """Whether the run's submission may be graded; this includes a run whose grader failed."""
    if not record.has_ended or record.state == "cancelled":
        return False
    return record.failure_class != "infrastructure" or record.reason == "grader-error"


def _last_submission(group: Group, planned: PlannedRun) -> Path:
    return group.run_dir(planned.run_id) / SUBMISSION


def _submission(group: Group, planned: PlannedRun, path: Path) -> Submission:
    return Submission(planned.competition_id, path, planned.seed, planned.run_id, group.run_dir(planned.run_id))


def _snapshots(group: Group, runs: list[PlannedRun]) -> list[tuple[PlannedRun, int, Submission]]:
    """Every snapshot with its run and its time in seconds since the agent's start."""
    found = []
    for planned in runs:
        for path in entries_of(group.run_dir(planned.run_id) / "snapshots", "*.csv"):
            if (seconds := seconds_of(path)) is not None:
                found.append((planned, seconds, _submission(group, planned, path)))
    return found


def _write_snapshots(group: Group, times: list[int], reports: list[CompetitionReport]) -> None:
    if not times:
        return
    entries = [
        {"run_id": report.run_id, "seconds": seconds, "report": report.to_dict()}
        for seconds, report in zip(times, reports, strict=True)
    ]
    move_aside(group.folder / SNAPSHOT_FILE)
    write_json(group.folder / SNAPSHOT_FILE, {"snapshots": entries})
