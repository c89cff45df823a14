"""A tiny prepared competition of a user's own and run groups on it, as they lie on disk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlebench.agents import AgentSpec, Argument
from mlebench.profiles import Profile
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan, PlannedRun
from mlebench.sandbox.base import Outcome, SandboxName

ROWS = 50
FACTS = """\
id: {name}
version: 1
title: {name}
split: dev
modality: tabular
task: regression
metric: {{name: RMSE, direction: minimize, best: 0.0}}
files:
  answers: private/answers.csv
  sample_submission: public/sample_submission.csv
  public: [sample_submission.csv]
  private: [answers.csv]
thresholds: {{gold: 0.1, silver: 0.2, bronze: 0.3, median: 0.5}}
"""
GRADE = """\
import numpy as np

from grading import Grader, Real


def rmse(truth, prediction):
    return float(np.sqrt(np.mean((truth - prediction) ** 2)))


grader = Grader(id="id", columns={"y": Real()}, metric=rmse)
"""


def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two prepared competitions that the registry finds, `toy-one` and `toy-two`; returns the data directory."""
    data = tmp_path / "data"
    for name in ("toy-one", "toy-two"):
        make_competition(tmp_path / "competitions", data, name)
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "competitions"))
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(data))
    return data


def make_competition(competitions: Path, data: Path, name: str, rows: int = ROWS) -> None:
    """A competition whose answer is the row's number; it is prepared in v1 and v2."""
    folder = competitions / name
    folder.mkdir(parents=True)
    (folder / "competition.yaml").write_text(FACTS.format(name=name))
    (folder / "grade.py").write_text(GRADE)
    for prepared in ("prepared", "prepared-v2"):
        private = data / name / prepared / "private"
        private.mkdir(parents=True)
        (private / "answers.csv").write_text(table(0, rows))


def table(error: float, rows: int = ROWS) -> str:
    """A submission whose every value is off by `error`, which is then its score."""
    return "id,y\n" + "".join(f"{row},{row + error}\n" for row in range(rows))


def make_group(
    runs: Path,
    data: Path,
    submissions: Mapping[str, list[float | str | None]],
    *,
    name: str = "group",
    arguments: Mapping[str, Argument] | None = None,
    limits: Mapping[str, Any] | None = None,
    sandbox: SandboxName = "docker",
    **plan_changes: Any,
) -> Group:
    """A group that has run: by competition each seed's error, text of the submission, or None for no submission."""
    seeds = tuple(range(max(map(len, submissions.values()))))
    agent = AgentSpec("tree", "big", runs / "agent", arguments={"model": "m-1", **(arguments or {})})
    profile = Profile(name="standard", **{"time_limit": 7200, **(limits or {})})
    plan = Plan(agent, tuple(submissions), seeds, profile, sandbox, data_dir=data, **plan_changes)
    group = Group.create(runs, plan, {}, name=name)
    for competition_id, outcomes in submissions.items():
        for seed, outcome in enumerate(outcomes):
            finish(group, PlannedRun(competition_id, seed), outcome)
    return group


def finish(group: Group, run: PlannedRun, outcome: float | str | None, **end: object) -> None:
    """Let a run end after an hour."""
    record = group.record(run)
    folder = group.run_dir(run.run_id)
    record.begin("node", [])
    started = datetime(2026, 3, 1, tzinfo=UTC)
    ended = {
        "state": "finished",
        "reason": "exited",
        "detail": "",
        "started_at": started,
        "ended_at": started + timedelta(hours=1),
    }
    record.end(Outcome(**{**ended, **end}))  # type: ignore[arg-type]
    record.write(folder)
    (folder / "run.log").write_text("done\n")
    if outcome is not None:
        (folder / "submission").mkdir()
        (folder / "submission" / "submission.csv").write_text(outcome if isinstance(outcome, str) else table(outcome))


def keep_snapshot(group: Group, run: PlannedRun, clock: str, error: float) -> None:
    """Keep a copy of the submission as it was at `clock` (hhmmss)."""
    folder = group.run_dir(run.run_id) / "snapshots"
    folder.mkdir(exist_ok=True)
    (folder / f"{clock}.csv").write_text(table(error))
