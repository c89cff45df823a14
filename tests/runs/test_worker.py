"""Doing a run: an outcome that a dying harness did not bring into the record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench.runs import worker
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.task import RunTask
from mlebench.runs.worker import execute
from tests.scripted import SUBMIT


def test_a_run_that_ended_just_before_the_harness_died_is_booked_and_not_done_again(
    plan: Callable[..., Plan], runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"echo begun >> {tmp_path}/begun; {SUBMIT}"
    group = Group.create(runs_dir, plan(script, competitions=("toy-a",)), {}, "group")
    (run,) = group.plan.runs

    def die(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(worker, "grade_run", die)
        with pytest.raises(SystemExit):
            execute(RunTask(group, run), ())
    assert group.record(run).state == "running"

    record = execute(RunTask(group, run), ())
    assert (record.state, record.attempt, record.has_valid_submission) == ("finished", 1, True)
    assert (tmp_path / "begun").read_text() == "begun\n"
    assert not (group.run_dir(run.run_id) / ".outcome.json").exists()
