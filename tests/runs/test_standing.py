"""Whether the agent of an attempt is still running, for any harness that finds it on a machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlebench.runs.record import RunRecord, State
from mlebench.runs.standing import is_under_way, may_be_under_way


def write(runs_dir: Path, state: State, attempt: int) -> Path:
    run_dir = runs_dir / "group" / "toy_seed0"
    RunRecord("toy_seed0", "group", "toy", 0, "agent", "v1", state, attempt).write(run_dir)
    return run_dir


@pytest.mark.parametrize(
    ("state", "attempt", "expected"),
    [("running", 2, True), ("running", 3, False), ("pending", 2, False), ("finished", 2, False), ("failed", 2, False)],
)
def test_the_record_tells(runs_dir: Path, state: State, attempt: int, expected: bool) -> None:
    run_dir = write(runs_dir, state, attempt)
    assert is_under_way(run_dir, 2) is expected
    assert may_be_under_way(run_dir, 2) is expected


def test_what_cannot_be_read_may_be_under_way(runs_dir: Path) -> None:
    run_dir = write(runs_dir, "finished", 2)
    (run_dir / "run.json").write_text("{")
    assert is_under_way(run_dir, 2) is None
    assert may_be_under_way(run_dir, 2)


def test_a_run_that_was_removed_is_over_but_not_one_on_a_file_system_that_is_away(runs_dir: Path) -> None:
    run_dir = write(runs_dir, "running", 2)
    shutil.rmtree(run_dir.parent)
    assert is_under_way(run_dir, 2) is None
    assert not may_be_under_way(run_dir, 2)
    shutil.rmtree(runs_dir)
    assert may_be_under_way(run_dir, 2)
