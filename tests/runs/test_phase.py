"""What people are told of what a run is doing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlebench.runs.group import Group
from mlebench.runs.harness_status import HarnessStatus
from mlebench.runs.phase import phase_of
from mlebench.runs.plan import Plan
from mlebench.runs.record import RunRecord, now
from mlebench.sandbox.base import Outcome
from mlebench.sandbox.kept_outcome import keep_outcome
from mlebench.sandbox.model_status import ModelStatus, write_status

from ..waiting import wait_until
from .conftest import SLOW_METRIC
from .test_orders import Harness

RUN = "toy-a_seed0"
HARNESS = HarnessStatus(now(), waiting={RUN: "waits for 2 free GPUs; next in the queue"}, others="waits for 2 free GPUs")


@pytest.fixture
def group(plan: Callable[..., Plan], runs_dir: Path) -> Group:
    return Group.create(runs_dir, plan(competitions=("toy-a", "toy-b")), {}, "group")


@pytest.fixture
def running(group: Group) -> RunRecord:
    record = group.records()[0]
    record.begin("here", [])
    record.started_at = now()
    return record


def test_queued_run_waits_for_what_its_harness_says(group: Group) -> None:
    first, second = group.records()
    assert phase_of(group, first, HARNESS) == ("queued", "waits for 2 free GPUs; next in the queue")
    assert phase_of(group, second, HARNESS) == ("queued", "waits for 2 free GPUs")


def test_queued_run_without_a_harness_names_the_command_that_continues(group: Group) -> None:
    words = "no harness runs its group; `mlebench run --resume group` continues it"
    assert phase_of(group, group.records()[0], None) == ("queued", words)


def test_run_that_has_begun_and_whose_agent_has_not_is_starting(group: Group, running: RunRecord) -> None:
    running.started_at = None
    assert phase_of(group, running, HARNESS) == ("starting", "its image, data and sandbox are being prepared")
    words = "was starting when its harness ended; `mlebench run --resume group` looks for it"
    assert phase_of(group, running, None) == ("starting", words)


def test_running_run_says_what_its_calls_wait_for(group: Group, running: RunRecord) -> None:
    assert phase_of(group, running, HARNESS) == ("running", "")
    write_status(group.run_dir(RUN), ModelStatus(3, 10, 20, None, "2 calls wait for the limit of gpt"))
    assert phase_of(group, running, HARNESS) == ("running", "2 calls wait for the limit of gpt")


def test_running_run_whose_harness_ended_is_looked_for_by_resuming(group: Group, running: RunRecord) -> None:
    words = "was running when its harness ended; `mlebench run --resume group` looks for it"
    assert phase_of(group, running, None) == ("running", words)


def test_run_whose_outcome_is_kept_is_being_graded(group: Group, running: RunRecord) -> None:
    outcome = Outcome("finished", "exited", "ended", 0, None, datetime.now(UTC), datetime.now(UTC))
    keep_outcome(group.run_dir(RUN), running.attempt, outcome)
    assert phase_of(group, running, HARNESS) == ("grading", "its submission is being graded")
    running.attempt += 1
    assert phase_of(group, running, HARNESS).name == "running"


@pytest.mark.parametrize("mark", ["cancel", f"{RUN}/cancel"])
def test_run_that_is_being_cancelled_says_so(group: Group, running: RunRecord, mark: str) -> None:
    pending = group.records()[0]
    (group.folder / mark).touch()
    assert phase_of(group, running, HARNESS) == ("running", "is being cancelled")
    assert phase_of(group, pending, HARNESS) == ("queued", "is being cancelled")


def test_end_is_told_in_the_records_own_words(group: Group, running: RunRecord) -> None:
    running.end(Outcome("timed-out", "time-limit", "stopped at its time limit.", None, "agent"))
    assert phase_of(group, running, None) == ("timed-out", "stopped at its time limit")


def test_a_real_run_is_seen_being_graded(plan: Callable[..., Plan], runs_dir: Path, toys: Path, tmp_path: Path) -> None:
    (tmp_path / "hold").touch()
    (tmp_path / "competitions" / "toy-a" / "grade.py").write_text(SLOW_METRIC.format(folder=tmp_path))
    group = Group.create(runs_dir, plan(competitions=("toy-a",)), {}, "group")
    harness = Harness(group)
    try:
        wait_until((tmp_path / "grading").exists)
        assert phase_of(group, group.records()[0], HARNESS).name == "grading"
    finally:
        (tmp_path / "hold").unlink()
    assert [phase_of(group, record, None).name for record in harness.join()] == ["finished"]
