"""Two places believe that a run is theirs: the one that the record names goes on, the other gives it up and writes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.record import RunRecord
from mlebench.runs.task import RunTask
from mlebench.runs.worker import Place, execute
from mlebench.sandbox.base import Outcome
from mlebench.sandbox.local.processes import mark_of, marked
from tests.scripted import SUBMIT
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
Plans = Callable[..., Plan]
WAITS = "echo begun >> {root}/trace; until [ -e {root}/go ]; do sleep 0.1; done\n" + SUBMIT


def waiting_group(plan: Plans, runs_dir: Path, root: Path) -> Group:
    """A group of one run, whose agent waits for a file `go`."""
    waits = plan(WAITS.format(root=root), competitions=("toy-a",), limits={"time_limit": 600})
    return Group.create(runs_dir, waits, {}, "group")


def begin_anew_elsewhere(task: RunTask, record: RunRecord) -> RunRecord:
    """What the harness writes that has given a node up, and the next node as it begins."""
    record.end(Outcome("failed", "lost", "nothing is left of it", failure_class="infrastructure"))
    record.again()
    record.begin("another node", [], "another place")
    record.write(task.run_dir)
    return record


def test_a_place_whose_run_has_begun_anew_elsewhere_ends_its_agent_and_leaves_the_record(
    plan: Plans, runs_dir: Path, tmp_path: Path
) -> None:
    group = waiting_group(plan, runs_dir, tmp_path)
    task = RunTask(group, group.plan.runs[0])
    with ThreadPoolExecutor(1) as threads:
        here = threads.submit(execute, task, (), None, Place("here", "a node"))
        record = wait_until(lambda: found if (found := group.record(task.run)).started_at else None)
        assert (record.node, record.place) == ("a node", "here")
        written = begin_anew_elsewhere(task, record)
        assert here.result(300).place == "another place"
    assert group.record(task.run) == written
    assert [(entry["node"], entry["place"]) for entry in written.attempts] == [("a node", "here")]
    assert list(marked(mark_of(task.run_dir, 1))) == []
    assert not (task.run_dir / "submission" / "submission.csv").exists()


def test_a_run_that_ended_after_it_was_given_up_is_not_booked(plan: Plans, runs_dir: Path, tmp_path: Path) -> None:
    """The agent ends between two looks at the record."""
    group = waiting_group(plan, runs_dir, tmp_path)
    task = RunTask(group, group.plan.runs[0])
    with ThreadPoolExecutor(1) as threads:
        here = threads.submit(execute, task, (), None, Place("here"))
        record = wait_until(lambda: found if (found := group.record(task.run)).started_at else None)
        written = begin_anew_elsewhere(task, record)
        (tmp_path / "go").touch()
        here.result(300)
    assert group.record(task.run) == written


def test_an_agent_that_two_places_wait_for_ends_once_and_at_the_later_one(plan: Plans, runs_dir: Path, tmp_path: Path) -> None:
    """A node's daemon died and not its jobs; another node of the same machine, or engine, finds the agent."""
    group = waiting_group(plan, runs_dir, tmp_path)
    task = RunTask(group, group.plan.runs[0])
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(execute, task, (), None, Place("first"))
        wait_until(lambda: group.record(task.run).started_at)
        second = threads.submit(execute, task, (), None, Place("second"))
        assert first.result(300).state == "running"
        assert not second.done()
        (tmp_path / "go").touch()
        record = second.result(300)
    assert (record.state, record.attempt, record.place, record.has_valid_submission) == ("finished", 1, "second", True)
    assert group.record(task.run) == record
    assert (tmp_path / "trace").read_text() == "begun\n"


WORKER = """
import os, sys, threading
from pathlib import Path
from mlebench.runs.control import Control
from mlebench.runs.executors.ray import _leave_with_the_node
control, over = Control(), threading.Event()
thread = threading.Thread(target=_leave_with_the_node, args=(os.getppid(), control, over))
thread.start()
Path(sys.argv[1], "begun").touch()
thread.join(float(sys.argv[2]))
Path(sys.argv[1], "said").write_text(f"{control.has_given_up} {thread.is_alive()}")
over.set()
"""
PARENT = "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()"


@pytest.mark.parametrize(("name", "said"), [("raylet", "True False"), ("shell", "False False")])
def test_a_worker_leaves_its_run_to_others_when_its_nodes_daemon_has_ended(tmp_path: Path, name: str, said: str) -> None:
    """Ray does not notify it and ends it a while later; a parent of another kind is no longer examined."""
    (tmp_path / name).symlink_to(sys.executable)
    worker = [sys.executable, "-c", WORKER, str(tmp_path), "300"]
    # the program's own name is what the kernel calls the process
    parent = subprocess.Popen([str(tmp_path / name), "-c", PARENT, *worker], env={**os.environ, "PYTHONPATH": str(ROOT)})
    wait_until((tmp_path / "begun").exists)
    if name == "raylet":
        parent.kill()
    wait_until(lambda: (tmp_path / "said").exists() and (tmp_path / "said").read_text())
    parent.kill()
    parent.wait()
    assert (tmp_path / "said").read_text() == said
