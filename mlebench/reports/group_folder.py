"""Reads a run group's folder: its plan, the state of each run and what was graded of it.

A group may be read at any moment, while it runs too; what is not there yet is unknown, never an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from grading.report import AggregateReport, CompetitionReport
from mlebench.errors import UsageError, WorkFailed
from mlebench.reports.experiment import Batch, Conditions, GradedRun, RunDetails, Snapshot
from mlebench.yaml_model import read_yaml

PLAN_FILE = "group.yaml"
REPORT_FILE = "grading_report.json"
SNAPSHOT_FILE = "snapshot_reports.json"
ENDED_STATES = frozenset({"finished", "failed", "timed-out", "cancelled"})
_RUN_NAME = re.compile(r"(?P<competition>.+)_seed(?P<seed>\d+)")


class RunFolder(NamedTuple):
    """One run of a group on disk."""

    run_id: str
    competition_id: str
    seed: int
    details: RunDetails

    @property
    def submission(self) -> Path:
        """Where the agent leaves its submission."""
        return self.details.folder / "submission" / "submission.csv"

    def snapshots(self) -> list[tuple[int, Path]]:
        """The kept copies of the submission with their time in seconds since the agent's start, oldest first."""
        found = [(_seconds(path.stem), path) for path in (self.details.folder / "snapshots").glob("*.csv")]
        return sorted((seconds, path) for seconds, path in found if seconds is not None)


def is_group(folder: Path) -> bool:
    """Whether `folder` is a run group."""
    return (folder / PLAN_FILE).is_file()


def run_folders(group: Path) -> list[RunFolder]:
    """The runs of a group, sorted by competition and seed."""
    return sorted(_run_folders(group), key=lambda run: (run.competition_id, run.seed))


def read_group(group: Path) -> Batch:
    """The plan, runs, reports and graded snapshots of a group.

    Raises:
        UsageError: the plan or a report cannot be read, or nothing has been graded.
    """
    plan = read_yaml(group / PLAN_FILE)
    if not isinstance(plan, Mapping):
        raise UsageError(f"{group / PLAN_FILE} is no plan of a run group; start it anew with `mlebench run`")
    folders = run_folders(group)
    graded = _graded(group, folders)
    snapshots = _snapshots(group)
    layers: dict[int, dict[str, GradedRun]] = {}
    for run in folders:
        layers.setdefault(run.seed, {})[run.competition_id] = GradedRun(
            report=graded.pop((run.competition_id, run.seed), None),
            details=run.details,
            snapshots=snapshots.get(run.run_id, ()),
        )
    for (competition_id, seed), report in graded.items():
        layers.setdefault(seed, {})[competition_id] = GradedRun(report)
    if not layers:
        raise UsageError(f"{group} holds no graded run; `mlebench grade {group}` grades what is there")
    return Batch(str(group), _conditions(plan, group), layers)


def _run_folders(group: Path) -> Iterator[RunFolder]:
    for file in group.glob("*/run.json"):
        named = _RUN_NAME.fullmatch(file.parent.name)
        record = _read_json(file)
        if not isinstance(record, Mapping):
            continue
        competition_id = record.get("competition_id") or record.get("competition") or (named and named["competition"])
        seed = record.get("seed", named and named["seed"])
        if competition_id is None or seed is None:
            continue
        run_id = str(record.get("run_id") or file.parent.name)
        yield RunFolder(run_id, str(competition_id), int(seed), _details(file.parent, record))


def _details(folder: Path, record: Mapping[str, Any]) -> RunDetails:
    outcome = {**record, **(record.get("outcome") or {})}
    resources = outcome.get("resources") or {}
    hours = _hours_between(outcome.get("started_at"), outcome.get("ended_at"))
    gpus = len(record.get("gpu_ids") or ())
    return RunDetails(
        folder=folder,
        state=str(record.get("state") or outcome.get("state") or "pending"),
        reason=outcome.get("reason"),
        detail=outcome.get("detail"),
        failure_class=outcome.get("failure_class"),
        hours=hours,
        peak_memory_bytes=resources.get("peak_memory_bytes"),
        gpu_hours=hours * gpus if hours is not None and gpus else None,
    )


def _graded(group: Path, folders: list[RunFolder]) -> dict[tuple[str, int], CompetitionReport]:
    file = group / REPORT_FILE
    if not file.is_file():
        return {}
    by_run = {run.run_id: run for run in folders}
    graded: dict[tuple[str, int], CompetitionReport] = {}
    for report in read_aggregate(file).competition_reports:
        run = by_run.get(report.run_id or "")
        seed = run.seed if run else report.seed or 0
        if (report.competition_id, seed) in graded:
            raise UsageError(
                f"{file} holds {report.competition_id} with seed {seed} twice; `mlebench grade {group}` makes it anew"
            )
        graded[report.competition_id, seed] = replace(report, seed=seed)
    return graded


def _snapshots(group: Path) -> dict[str, tuple[Snapshot, ...]]:
    content = _read_json(group / SNAPSHOT_FILE)
    entries = content.get("snapshots", []) if isinstance(content, Mapping) else []
    found: dict[str, list[Snapshot]] = {}
    for entry in entries:
        snapshot = Snapshot(int(entry["seconds"]), CompetitionReport.from_dict(entry["report"]))
        found.setdefault(entry["run_id"], []).append(snapshot)
    return {run_id: tuple(sorted(kept, key=lambda snapshot: snapshot.seconds)) for run_id, kept in found.items()}


def _conditions(plan: Mapping[str, Any], group: Path) -> Conditions:
    agent = plan.get("agent") or {}
    agent = agent if isinstance(agent, Mapping) else {"id": str(agent)}
    profile = plan.get("profile") or {}
    profile = profile if isinstance(profile, Mapping) else {"name": str(profile)}
    name = agent.get("id") or "/".join(str(agent[key]) for key in ("name", "variant") if agent.get(key)) or group.name
    seconds = profile.get("time_limit")
    return Conditions(
        agent=str(name),
        models=_models(plan, agent),
        profile=str(profile.get("name") or ""),
        hours=float(seconds) / 3600 if isinstance(seconds, int | float) else None,
        gpus=profile.get("gpus"),
    )


def _models(plan: Mapping[str, Any], agent: Mapping[str, Any]) -> str:
    """Model names: the plan's own list, else every argument whose name speaks of a model."""
    listed = plan.get("models") or agent.get("models")
    if isinstance(listed, str):
        return listed
    if not listed:
        arguments = agent.get("arguments") or {}
        listed = [value for key, value in arguments.items() if "model" in key and isinstance(value, str)]
    return ", ".join(dict.fromkeys(map(str, listed)))


def read_aggregate(path: Path) -> AggregateReport:
    """Read an aggregate report; a single report counts as an aggregate of one.

    Raises:
        UsageError: the file cannot be read, or is neither.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}; `mlebench grade` makes grading reports") from None
    except ValueError:
        raise UsageError(f"{path} is not JSON; give a grading report, as `mlebench grade` writes it") from None
    try:
        if isinstance(content, Mapping) and "competition_reports" not in content:
            content = {"competition_reports": [content]}
        return AggregateReport.from_dict(content)
    except ValueError as error:
        raise UsageError(f"{path} is no grading report: {error}; give a grading report, as `mlebench grade` writes it") from None


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        raise WorkFailed(f"{path} is damaged: it is not JSON") from None


def _hours_between(start: Any, end: Any) -> float | None:
    try:
        return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 3600
    except (TypeError, ValueError):
        return None


def _seconds(clock: str) -> int | None:
    """Seconds of a name such as `013000` (1 h 30 min); hours may have more than two digits."""
    if not clock.isdecimal() or len(clock) < 5:
        return None
    return int(clock[:-4]) * 3600 + int(clock[-4:-2]) * 60 + int(clock[-2:])
