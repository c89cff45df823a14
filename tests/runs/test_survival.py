"""A harness that dies: killed, interrupted or asked to leave in the middle of a group, and what resuming makes of it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import psutil
import pytest

from mlebench.agents import AgentSpec
from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord
from mlebench.sandbox.local import processes
from tests.scripted import SUBMIT

from ..waiting import wait_until
from .conftest import SLOW_METRIC, TOYS

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
WORKS_UNTIL_TOLD = 'echo "$COMPETITION_ID $MLEBENCH_SEED" >> {trace}; until [ -e {go} ]; do sleep 0.05; done\n' + SUBMIT
"""What agents do here: they note that they have begun, and end once there is a file `go`."""


def harness(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mlebench.cli.main", "run", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        # in the background of a script the tests themselves ignore Ctrl-C, and would pass that on
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def start(agent: AgentSpec, seeds: int, parallel: int) -> subprocess.Popen[str]:
    toys = [word for name in TOYS for word in ("-c", name)]
    return harness(
        "--agent", str(agent.directory), *toys, "--seeds", str(seeds), "--sandbox", "plain", "--name", "group",
        "--profile", "demo", "--profile-set", "cpus=0.1", "--profile-set", "memory=1m", "--profile-set", "grace=1",
        "--parallel", str(parallel),
    )  # fmt: skip


@pytest.fixture
def group_dir(toys: Path, runs_dir: Path) -> Iterator[Path]:
    folder = runs_dir / "group"
    yield folder
    for run_dir in folder.glob("*_seed*"):
        kill_marked(run_dir)


def kill_marked(run_dir: Path) -> None:
    """Kill what is left of a run's first attempt; it may end meanwhile."""
    for process in processes.marked(processes.mark_of(run_dir, 1)):
        with contextlib.suppress(psutil.Error):
            process.kill()


def wait_for(folder: Path, condition: Callable[[list[RunRecord]], bool]) -> list[RunRecord]:
    """The records of a group once they are as the condition wants them."""

    def records() -> list[RunRecord]:
        return Group.open(folder).records() if (folder / "group.yaml").exists() else []

    def reached() -> list[RunRecord]:
        found = records()
        return found if condition(found) else []

    return wait_until(reached, seconds=180, explain=lambda: [record.state for record in records()])


def wait_for_states(folder: Path, condition: Callable[[list[str]], bool]) -> None:
    wait_for(folder, lambda records: condition([record.state for record in records]))


def begun(trace: Path) -> int:
    """How many agents have begun."""
    return len(trace.read_text().splitlines()) if trace.exists() else 0


def test_killed_harness_loses_nothing_and_does_nothing_twice(
    agent: Callable[..., AgentSpec], group_dir: Path, tmp_path: Path
) -> None:
    """Twelve runs, four at a time; the harness is killed when four have ended, some are running and some wait."""
    # whoever is among the first four to begin ends at once
    script = f"""
        echo "$COMPETITION_ID $MLEBENCH_SEED" >> {tmp_path}/trace
        head -n 4 {tmp_path}/trace | grep -q "$COMPETITION_ID $MLEBENCH_SEED" || until [ -e {tmp_path}/go ]; do sleep 0.05; done
    """
    chosen = agent(script + SUBMIT)
    begun_at = time.time()
    first = start(chosen, seeds=4, parallel=4)
    wait_for_states(group_dir, lambda states: states.count("finished") == 4 and states.count("running") >= 3)
    wait_until(lambda: begun(tmp_path / "trace") >= 7)
    first.kill()
    first.wait()
    killed_at = time.time()
    begun_before = (tmp_path / "trace").read_text().splitlines()
    (tmp_path / "go").touch()
    before = {record.run_id: record for record in Group.open(group_dir).records()}
    assert any(record.state == "running" for record in before.values())
    second = harness("--resume", "group", "--parallel", "4")
    output, errors = second.communicate(timeout=300)
    assert second.returncode == 0, errors
    records = Group.open(group_dir).records()
    assert len(records) == 12
    assert all(record.has_valid_submission and record.attempt == 1 for record in records)
    assert len((tmp_path / "trace").read_text().splitlines()) == 12
    for record in records:
        if before[record.run_id].state == "finished":
            assert record == before[record.run_id]
        # its clock went on, whoever tells its start
        if f"{record.competition_id} {record.seed}" in begun_before:
            assert begun_at - 0.5 < time_of(record) < killed_at + 0.5
    assert "12 finished" in output


def test_run_whose_processes_died_with_the_harness_is_run_again(
    agent: Callable[..., AgentSpec], group_dir: Path, tmp_path: Path
) -> None:
    chosen = agent(f"test -e {tmp_path}/go || exec sleep 600\n" + SUBMIT)
    first = start(chosen, seeds=1, parallel=1)
    records = wait_for(group_dir, lambda records: any(record.started_at for record in records))
    at_work = next(record for record in records if record.started_at)
    first.kill()
    first.wait()
    mark = processes.mark_of(group_dir / at_work.run_id, 1)
    keeper = processes.keeper(mark)
    assert keeper is not None
    # at once, so that nobody is left to write down how the agent ended
    os.killpg(keeper.pid, signal.SIGKILL)
    processes.end_marked(mark, 60)
    (tmp_path / "go").touch()
    second = harness("--resume", "group", "--parallel", "3")
    _, errors = second.communicate(timeout=300)
    assert second.returncode == 0, errors
    record = next(record for record in Group.open(group_dir).records() if record.run_id == at_work.run_id)
    assert (record.attempt, record.attempts[0]["reason"], record.has_valid_submission) == (2, "lost", True)
    assert (group_dir / at_work.run_id / "attempts" / "1" / "run.log").exists()


def test_ctrl_c_stops_what_is_at_work_and_says_how_to_go_on(
    agent: Callable[..., AgentSpec], group_dir: Path, tmp_path: Path
) -> None:
    chosen = agent(WORKS_UNTIL_TOLD.format(trace=tmp_path / "trace", go=tmp_path / "go"))
    first = start(chosen, seeds=1, parallel=2)
    wait_until(lambda: begun(tmp_path / "trace") == 2, seconds=180)
    first.send_signal(signal.SIGINT)
    _, errors = first.communicate(timeout=300)
    assert first.returncode == 130
    assert "mlebench run --resume group" in errors
    assert "Traceback" not in errors
    assert not [each for name in TOYS for each in processes.marked(processes.mark_of(group_dir / f"{name}_seed0", 1))]
    (tmp_path / "go").touch()
    second = harness("--resume", "group")
    second.communicate(timeout=300)
    assert second.returncode == 0
    assert all(record.has_valid_submission for record in Group.open(group_dir).records())


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_harness_that_ends_while_it_grades_is_not_held_up_and_what_stands_is_graded_later(
    agent: Callable[..., AgentSpec], group_dir: Path, tmp_path: Path, end: signal.Signals
) -> None:
    chosen = agent(f"echo begun >> {tmp_path}/trace\n" + SUBMIT)
    for name in TOYS:
        (tmp_path / "competitions" / name / "grade.py").write_text(SLOW_METRIC.format(folder=tmp_path))
    (tmp_path / "hold").touch()
    first = start(chosen, seeds=1, parallel=3)
    wait_until((tmp_path / "grading").exists, seconds=180)
    wait_until(lambda: all((group_dir / f"{name}_seed0" / ".outcome.json").exists() for name in TOYS))
    grading = {process.pid for process in psutil.Process(first.pid).children()}
    first.send_signal(end)
    first.communicate(timeout=300)
    assert first.returncode in (130, -signal.SIGKILL)
    wait_until(lambda: not any(process.pid in grading for process in psutil.process_iter() if is_running(process)))

    (tmp_path / "hold").unlink()
    second = harness("--resume", "group")
    _, errors = second.communicate(timeout=300)
    assert second.returncode == 0, errors
    records = Group.open(group_dir).records()
    assert all(record.has_valid_submission and record.attempt == 1 for record in records)
    assert begun(tmp_path / "trace") == 3


def is_running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("first_begun", [0, 3])
def test_terminated_harness_leaves_agents_running(
    agent: Callable[..., AgentSpec], group_dir: Path, tmp_path: Path, first_begun: int
) -> None:
    """With `first_begun` 0 it may be terminated between noting that a run starts and starting it."""
    chosen = agent(WORKS_UNTIL_TOLD.format(trace=tmp_path / "trace", go=tmp_path / "go"))
    first = start(chosen, seeds=1, parallel=3)
    wait_for_states(group_dir, lambda states: states.count("running") == 3)
    wait_until(lambda: begun(tmp_path / "trace") >= first_begun)
    first.terminate()
    _, errors = first.communicate(timeout=300)
    assert "agents keep running" in errors
    assert [record.state for record in Group.open(group_dir).records()] == ["running"] * 3
    (tmp_path / "go").touch()
    second = harness("--resume", "group")
    second.communicate(timeout=300)
    assert second.returncode == 0
    assert all(record.attempt == 1 for record in Group.open(group_dir).records())
    assert len((tmp_path / "trace").read_text().splitlines()) == 3


def test_changed_agent_is_refused_with_the_difference(agent: Callable[..., AgentSpec], group_dir: Path) -> None:
    chosen = agent(SUBMIT)
    start(chosen, seeds=1, parallel=3).communicate(timeout=300)
    (chosen.directory / "agent.yaml").write_text("arguments: {steps: 9}\n")
    second = harness("--resume", "group")
    _, errors = second.communicate(timeout=300)
    assert second.returncode == 2
    assert "arguments (steps not set → 9)" in errors


def time_of(record: RunRecord) -> float:
    return datetime.fromisoformat(str(record.started_at)).timestamp()
