"""Doing a run: the cores that it gets, and an outcome that a dying harness did not bring into the record."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlebench._support.machine import usable_cores
from mlebench.grade.limits import Limits
from mlebench.runs import worker
from mlebench.runs.control import Control
from mlebench.runs.cores import Cores
from mlebench.runs.group import Group
from mlebench.runs.leases import Leases
from mlebench.runs.plan import Plan
from mlebench.runs.task import RunTask
from mlebench.runs.worker import execute
from tests.runs.conftest import SLOW_METRIC
from tests.scripted import SUBMIT
from tests.waiting import wait_until


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


COUNT = 'python -c \'import os; print(*sorted(os.sched_getaffinity(0)))\' > "$LOGS_DIR/cores"; nproc > "$LOGS_DIR/count"'
NEEDS_AFFINITY = pytest.mark.skipif(not usable_cores(), reason="this system binds no process to cores")


@NEEDS_AFFINITY
def test_a_run_sees_its_own_cores_alone_and_the_record_names_them(plan: Callable[..., Plan], runs_dir: Path) -> None:
    group = Group.create(runs_dir, plan(f"{COUNT}; {SUBMIT}", competitions=("toy-a",)), {}, "group")
    (run,) = group.plan.runs
    record = execute(RunTask(group, run), ())
    assert record.cpu_ids == [min(usable_cores())]
    logs = group.run_dir(run.run_id) / "logs"
    assert (logs / "cores").read_text().split() == [str(core) for core in record.cpu_ids]
    assert (logs / "count").read_text() == "1\n"
    assert group.record(run).cpu_ids == record.cpu_ids
    assert usable_cores() == os.sched_getaffinity(0)
    with contextlib.closing(Cores()) as cores:
        assert cores.take(1, usable_cores()) == tuple(record.cpu_ids)


@NEEDS_AFFINITY
def test_a_run_that_is_attached_to_again_holds_its_cores_again(
    plan: Callable[..., Plan], runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_taken = threading.Event()
    take_again = Cores.take_again

    def take(cores: Cores, cpus: float, core_ids: Sequence[int]) -> None:
        take_again(cores, cpus, core_ids)
        has_taken.set()

    monkeypatch.setattr(Cores, "take_again", take)
    script = f"touch {tmp_path}/begun; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; {SUBMIT}"
    group = Group.create(runs_dir, plan(script, competitions=("toy-a",)), {}, "group")
    (run,) = group.plan.runs
    control = Control()
    with ThreadPoolExecutor() as pool:
        first = pool.submit(execute, RunTask(group, run), (), control)
        wait_until((tmp_path / "begun").exists)
        held = group.record(run).cpu_ids
        assert held and not is_free(held[0])
        control.detach()
        assert first.result().state == "running"
        assert is_free(held[0])

        second = pool.submit(execute, RunTask(group, run), ())
        # whoever looks whether a core is free holds it for a moment, in which the run would share another's
        assert has_taken.wait(300) and not is_free(held[0])
        (tmp_path / "go").touch()
        assert second.result().cpu_ids == held
    assert is_free(held[0])


def is_free(core: int) -> bool:
    with contextlib.closing(Leases("cores", free_without_lock=False)) as leases:
        return leases.acquire(f"{core}.0")


@NEEDS_AFFINITY
def test_a_run_without_a_lock_on_any_core_is_bound_to_none(plan: Callable[..., Plan], runs_dir: Path, own_locks: Path) -> None:
    own_locks.write_text("no folder")
    group = Group.create(runs_dir, plan(f"{COUNT}; {SUBMIT}", competitions=("toy-a",)), {}, "group")
    (run,) = group.plan.runs
    record = execute(RunTask(group, run), ())
    assert (record.state, record.cpu_ids) == ("finished", [])
    assert (group.run_dir(run.run_id) / "logs" / "cores").read_text().split() == [str(core) for core in sorted(usable_cores())]


@pytest.mark.parametrize("ask", [lambda control: control.stop(0), Control.detach, lambda control: control.lose("gone", 0)])
def test_who_asks_to_stop_while_a_submission_is_graded_is_heard_and_it_is_graded_later(
    plan: Callable[..., Plan], runs_dir: Path, tmp_path: Path, ask: Callable[[Control], None]
) -> None:
    script = f"echo begun >> {tmp_path}/begun; {SUBMIT}"
    group = Group.create(runs_dir, plan(script, competitions=("toy-a",)), {}, "group")
    (tmp_path / "competitions" / "toy-a" / "grade.py").write_text(SLOW_METRIC.format(folder=tmp_path))
    (tmp_path / "hold").touch()
    (run,) = group.plan.runs
    control = Control()
    with ThreadPoolExecutor(1) as threads:
        executing = threads.submit(execute, RunTask(group, run), (), control)
        wait_until((tmp_path / "grading").exists)
        ask(control)
        assert executing.result(300).state == "running"
    assert group.record(run).state == "running"

    (tmp_path / "hold").unlink()
    record = execute(RunTask(group, run), ())
    assert (record.state, record.reason, record.attempt, record.has_valid_submission) == ("finished", "exited", 1, True)
    assert (tmp_path / "begun").read_text() == "begun\n"


def test_a_run_that_is_stopped_with_a_submission_there_is_cancelled(
    plan: Callable[..., Plan], runs_dir: Path, tmp_path: Path
) -> None:
    group = Group.create(runs_dir, plan(f"{SUBMIT}touch {tmp_path}/begun; sleep 600", competitions=("toy-a",)), {}, "group")
    (run,) = group.plan.runs
    control = Control()
    with ThreadPoolExecutor(1) as threads:
        executing = threads.submit(execute, RunTask(group, run), (), control)
        wait_until((tmp_path / "begun").exists)
        control.stop(0)
        record = executing.result(300)
    assert (record.state, group.record(run).state) == ("cancelled", "cancelled")
    assert record.submission_sha256 is not None


def test_a_submission_that_takes_too_much_is_the_agents_result(
    plan: Callable[..., Plan], runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlebench.grade.pool.limits_of_grading", lambda _: Limits(0.5, 2**28))
    group = Group.create(runs_dir, plan(competitions=("toy-a",)), {}, "group")
    (tmp_path / "competitions" / "toy-a" / "grade.py").write_text(SLOW_METRIC.format(folder=tmp_path))
    (tmp_path / "hold").touch()
    (run,) = group.plan.runs
    record = execute(RunTask(group, run), ())
    assert (record.state, record.reason, record.failure_class) == ("finished", "invalid-submission", "agent")
    assert "takes more than" in str(record.detail)


def test_code_of_a_competition_that_cannot_be_loaded_is_known_before_the_agent_starts(
    plan: Callable[..., Plan], runs_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "competitions" / "toy-a" / "grade.py").write_text("grader = 1")
    group = Group.create(runs_dir, plan(f"touch {tmp_path}/begun", competitions=("toy-a",)), {}, "group")
    (run,) = group.plan.runs
    record = execute(RunTask(group, run), ())
    assert (record.reason, record.failure_class) == ("not-ready", "infrastructure")
    assert "make it a `Grader`" in str(record.detail)
    assert not (tmp_path / "begun").exists()


def test_the_harness_itself_loads_no_code_that_grades(plan: Callable[..., Plan], runs_dir: Path, tmp_path: Path) -> None:
    """Its libraries would take their memory and the time to load them twice."""
    grade = tmp_path / "competitions" / "toy-a" / "grade.py"
    grade.write_text(f"import os\nopen({str(tmp_path / 'loaded')!r}, 'a').write(f'{{os.getpid()}} ')\n{grade.read_text()}")
    group = Group.create(runs_dir, plan(SUBMIT, competitions=("toy-a",)), {}, "group")
    (run,) = group.plan.runs
    assert execute(RunTask(group, run), ()).has_valid_submission
    loaded = (tmp_path / "loaded").read_text().split()
    assert loaded and str(os.getpid()) not in loaded
