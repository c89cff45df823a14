"""What people ask of a group that runs: pause, go on, more or fewer at once, one run again; and that no order is lost."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlebench._support.files import write_text
from mlebench.agents import AgentSpec
from mlebench.errors import UsageError
from mlebench.runs import lock, orders
from mlebench.runs.cancel import cancel_group, cancel_run
from mlebench.runs.executors.base import Executor
from mlebench.runs.group import Group
from mlebench.runs.group_report import GroupResult
from mlebench.runs.harness_status import read_harness_status
from mlebench.runs.orders import Orders, go_on, pause, read_orders, retry_run, set_parallel, settle
from mlebench.runs.plan import Plan
from mlebench.runs.record import RunRecord
from mlebench.runs.resume import make_ready
from mlebench.runs.schedule import scheduler
from mlebench.runs.schedule.overview import Silent
from mlebench.runs.schedule.scheduler import run_groups
from mlebench.runs.settings import RunSettings
from tests.scripted import SUBMIT

from ..waiting import wait_until
from .conftest import local_executor
from .test_survival import WORKS_UNTIL_TOLD, begun, group_dir, harness, start, wait_for, wait_for_states

__all__ = ["group_dir"]
Plans = Callable[..., Plan]


class Said(Silent):
    """Remembers what people are told."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def say(self, sentence: str) -> None:
        self.sentences.append(sentence)


class Harness:
    """Runs groups in a thread."""

    def __init__(self, *groups: Group, parallel: int | None = None, executor: Executor | None = None, **settings: Any) -> None:
        self.display = Said()
        self.executor: Any = executor or local_executor(parallel)
        self.results: list[GroupResult] = []
        self._groups, self._settings = list(groups), RunSettings(**{"retry_delay": 0.01, **settings})
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.results = run_groups(self._groups, self.executor, self._settings, self.display)

    def join(self, seconds: float = 300) -> list[RunRecord]:
        """The records of all groups when nothing is left to do."""
        self._thread.join(seconds)
        assert not self._thread.is_alive()
        return [record for result in self.results for record in result.records]

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "_LOOK_EVERY_SECONDS", 0.05)


@pytest.fixture
def works(tmp_path: Path) -> Iterator[str]:
    """Script of an agent that notes that it has begun, and works until `go` is there; it is, when the test ends."""
    yield WORKS_UNTIL_TOLD.format(trace=tmp_path / "trace", go=tmp_path / "go")
    (tmp_path / "go").touch()


def states(group: Group) -> list[str]:
    return [record.state for record in group.records()]


def wait_for_a_look(group: Group, harness: Harness) -> None:
    """Until the harness has looked for orders once more, by an order that changes nothing."""
    now = harness.executor.parallel
    assert now is not None
    assert "from now on" in set_parallel(group, now)


def test_paused_group_starts_nothing_until_it_goes_on(plan: Plans, runs_dir: Path, tmp_path: Path, works: str) -> None:
    group = Group.create(runs_dir, plan(works), {}, "group")
    harness = Harness(group, parallel=1)
    wait_until(lambda: begun(tmp_path / "trace") == 1)
    rest = "no further run starts, 1 run continues to the end; `mlebench runs group --continue` starts runs again"
    assert pause(group) == f"group is paused: {rest}"
    wait_until(lambda: (status := read_harness_status(group.folder)) is not None and status.is_paused)
    (tmp_path / "go").touch()
    wait_until(lambda: states(group).count("finished") == 1)
    wait_for_a_look(group, harness)
    wait_for_a_look(group, harness)
    assert (begun(tmp_path / "trace"), harness.is_alive) == (1, True)
    assert sorted(states(group)) == ["finished", "pending", "pending"]
    assert (
        "group is paused: no further run of it starts; `mlebench runs group --continue` continues it" in harness.display.sentences
    )
    with pytest.raises(UsageError, match=r"already paused; `mlebench runs group --continue`"):
        pause(group)
    assert go_on(group) == "group continues: runs start again"
    assert [record.state for record in harness.join()] == ["finished"] * 3
    assert begun(tmp_path / "trace") == 3


def test_failed_start_is_not_tried_again_while_paused(plan: Plans, runs_dir: Path, tmp_path: Path, works: str) -> None:
    group = Group.create(runs_dir, plan(works, competitions=("toy-a",)), {}, "group")
    harness = Harness(group, parallel=1, retries=1)
    wait_until(lambda: begun(tmp_path / "trace") == 1)
    pause(group)
    wait_for_a_look(group, harness)
    harness.executor._controls["group/toy-a_seed0"].lose("the machine is needed", 1.0)
    wait_until(lambda: states(group) == ["pending"])
    wait_for_a_look(group, harness)
    wait_for_a_look(group, harness)
    assert begun(tmp_path / "trace") == 1
    (tmp_path / "go").touch()
    go_on(group)
    (record,) = harness.join()
    assert (record.state, record.attempt) == ("finished", 2)


def test_pausing_one_group_of_a_harness_leaves_the_other_alone(
    plan: Plans, agent: Callable[..., AgentSpec], runs_dir: Path, tmp_path: Path, works: str
) -> None:
    paused = Group.create(runs_dir, plan(works), {}, "paused")
    other = Group.create(runs_dir, plan(agent=agent(SUBMIT, name="other")), {}, "other")
    write_order(paused, "paused")
    harness = Harness(paused, other, parallel=2)
    wait_until(lambda: states(other) == ["finished"] * 3)
    assert (states(paused), harness.is_alive) == (["pending"] * 3, True)
    (tmp_path / "go").touch()
    go_on(paused)
    assert [record.state for record in harness.join()] == ["finished"] * 6


def write_order(group: Group, *names: str, content: str = "") -> Path:
    order = group.folder.joinpath(".orders", *names)
    order.parent.mkdir(parents=True, exist_ok=True)
    write_text(order, content)
    return order


def test_more_and_fewer_runs_at_once(plan: Plans, runs_dir: Path, tmp_path: Path) -> None:
    """One at once, then three, then one again: no run is stopped, and the next starts when two of the three have ended."""
    script = (
        f"echo x >> {tmp_path}/trace; until [ -e {tmp_path}/go-$COMPETITION_ID-$MLEBENCH_SEED ]; do sleep 0.05; done\n" + SUBMIT
    )
    group = Group.create(runs_dir, plan(script, seeds=(0, 1)), {}, "group")
    harness = Harness(group, parallel=1)
    wait_until(lambda: begun(tmp_path / "trace") == 1)
    assert set_parallel(group, 3) == "the harness of group runs at most 3 runs at once from now on; running runs are not stopped"
    wait_until(lambda: begun(tmp_path / "trace") == 3)
    assert set_parallel(group, 1)
    assert (states(group).count("running"), harness.executor.parallel) == (3, 1)
    running = [record for record in group.records() if record.state == "running"]
    for count, record in enumerate(running, start=1):
        (tmp_path / f"go-{record.competition_id}-{record.seed}").touch()
        wait_until(lambda count=count: states(group).count("finished") == count)
        wait_for_a_look(group, harness)
        assert count == 3 or begun(tmp_path / "trace") == 3
    wait_until(lambda: begun(tmp_path / "trace") == 4)
    for record in group.records():
        (tmp_path / f"go-{record.competition_id}-{record.seed}").touch()
    assert [record.attempt for record in harness.join()] == [1] * 6
    assert Group.open(group.folder).settings.parallel == 1


def test_a_number_for_a_group_without_harness_is_kept_for_resuming(plan: Plans, runs_dir: Path) -> None:
    group = Group.create(runs_dir, plan(), {}, "group")
    assert (
        set_parallel(group, 5)
        == "group is limited to at most 5 runs at once; `mlebench run --resume group` continues it with that limit"
    )
    assert Group.open(group.folder).settings.parallel == 5
    with pytest.raises(UsageError, match=r"0 runs cannot run at once; give `--parallel` an integer from 1"):
        set_parallel(group, 0)


def test_two_orders_at_once_are_both_answered(plan: Plans, runs_dir: Path, tmp_path: Path, works: str) -> None:
    group = Group.create(runs_dir, plan(works), {}, "group")
    harness = Harness(group, parallel=1)
    wait_until(lambda: begun(tmp_path / "trace") == 1)
    answers: list[str] = []
    threads = [threading.Thread(target=lambda number=number: answers.append(set_parallel(group, number))) for number in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == 2 and all("from now on" in answer for answer in answers)
    assert harness.executor.parallel in (2, 3)
    assert Group.open(group.folder).settings.parallel == harness.executor.parallel
    (tmp_path / "go").touch()
    harness.join()


def test_failed_run_is_done_again_by_the_harness_that_is_at_work(plan: Plans, runs_dir: Path, tmp_path: Path) -> None:
    script = f"""
        if [ $COMPETITION_ID = toy-b ]; then [ -e {tmp_path}/fixed ] || exit 3
        else until [ -e {tmp_path}/go ]; do sleep 0.05; done; fi
    """
    group = Group.create(runs_dir, plan(script + SUBMIT, competitions=("toy-a", "toy-b")), {}, "group")
    harness = Harness(group)
    wait_until(lambda: "failed" in states(group))
    (tmp_path / "fixed").touch()
    assert (
        retry_run(group, "toy-b_seed0")
        == "toy-b_seed0 is repeated as soon as there is room for it; `mlebench runs group` shows it"
    )
    wait_until(lambda: "finished" in states(group))
    (tmp_path / "go").touch()
    first, second = harness.join()
    assert (first.attempt, second.attempt, second.attempts[0]["exit_code"]) == (1, 2, 3)
    assert (group.run_dir("toy-b_seed0") / "attempts" / "1" / "run.log").exists()


def test_result_stays_a_result(plan: Plans, runs_dir: Path) -> None:
    group = Group.create(runs_dir, plan(SUBMIT, competitions=("toy-a", "toy-b")), {}, "group")
    run_groups([group], local_executor())
    refused = (
        r"^toy-a_seed0 is a result \(finished\), and another attempt would mean choosing among results; start a new group with "
        r"`mlebench run --seeds N` for further runs of the competition$"
    )
    with pytest.raises(UsageError, match=refused):
        retry_run(group, "toy-a_seed0")
    timed_out, spent = group.records()
    timed_out.state, timed_out.report = "timed-out", None
    timed_out.write(group.run_dir(timed_out.run_id))
    spent.state, spent.reason, spent.report = "failed", "budget-exhausted", None
    spent.write(group.run_dir(spent.run_id))
    for record in (timed_out, spent):
        with pytest.raises(UsageError, match="is a result"):
            retry_run(group, record.run_id)


def test_run_that_only_lacks_its_grade_is_no_run_to_retry(plan: Plans, runs_dir: Path) -> None:
    group = Group.create(runs_dir, plan(SUBMIT, competitions=("toy-a",)), {}, "group")
    run_groups([group], local_executor())
    (record,) = group.records()
    record.state, record.reason, record.failure_class, record.report = "failed", "grader-error", "infrastructure", None
    record.write(group.run_dir(record.run_id))
    with pytest.raises(UsageError, match=r"only lacks its grade; `mlebench run --resume group` grades it"):
        retry_run(group, record.run_id)


def test_without_harness_a_run_is_put_back_and_resuming_does_it(plan: Plans, runs_dir: Path, tmp_path: Path) -> None:
    script = f"[ -e {tmp_path}/fixed ] || exit 3\n"
    group = Group.create(runs_dir, plan(script + SUBMIT, competitions=("toy-a",)), {}, "group")
    run_groups([group], local_executor())
    assert states(group) == ["failed"]
    assert retry_run(group, "toy-a_seed0") == "toy-a_seed0 is marked for another attempt; `mlebench run --resume group` starts it"
    assert states(group) == ["pending"]
    with pytest.raises(UsageError, match=r"has not ended \(pending\)"):
        retry_run(group, "toy-a_seed0")
    (tmp_path / "fixed").touch()
    run_groups([group], local_executor())
    (record,) = group.records()
    assert (record.state, record.attempt) == ("finished", 2)


def test_run_that_was_cancelled_by_name_can_be_retried(plan: Plans, runs_dir: Path) -> None:
    group = Group.create(runs_dir, plan(SUBMIT, competitions=("toy-a",)), {}, "group")
    cancel_run(group, "toy-a_seed0")
    make_ready(group)
    assert states(group) == ["cancelled"]
    retry_run(group, "toy-a_seed0")
    run_groups([group], local_executor())
    assert states(group) == ["finished"]


def test_retry_of_a_paused_group_waits_for_it_to_go_on(plan: Plans, runs_dir: Path, tmp_path: Path, works: str) -> None:
    group = Group.create(runs_dir, plan(works, competitions=("toy-a", "toy-b")), {}, "group")
    harness = Harness(group, parallel=1)
    wait_until(lambda: begun(tmp_path / "trace") == 1)
    pause(group)
    waiting = next(record.run_id for record in group.records() if record.state == "pending")
    cancel_run(group, waiting)
    wait_until(lambda: "cancelled" in states(group))
    assert (
        retry_run(group, waiting)
        == f"{waiting} is repeated once group continues; `mlebench runs group --continue` starts runs again"
    )
    wait_for_a_look(group, harness)
    assert begun(tmp_path / "trace") == 1
    (tmp_path / "go").touch()
    go_on(group)
    assert [record.state for record in harness.join()] == ["finished"] * 2


def test_waiting_run_is_cancelled_at_once_and_not_at_its_turn(plan: Plans, runs_dir: Path, tmp_path: Path, works: str) -> None:
    group = Group.create(runs_dir, plan(works, seeds=(0, 1)), {}, "group")
    harness = Harness(group, parallel=1)
    wait_until(lambda: begun(tmp_path / "trace") == 1)
    last = [record.run_id for record in group.records() if record.state == "pending"][-1]
    cancel_run(group, last)
    wait_until(lambda: states(group).count("cancelled") == 1)
    (tmp_path / "go").touch()
    harness.join()
    assert begun(tmp_path / "trace") == 5


def test_paused_group_that_is_cancelled_ends(plan: Plans, runs_dir: Path, tmp_path: Path, works: str) -> None:
    group = Group.create(runs_dir, plan(works), {}, "group")
    harness = Harness(group, parallel=1)
    wait_until(lambda: begun(tmp_path / "trace") == 1)
    pause(group)
    wait_for_a_look(group, harness)
    assert cancel_group(group) == 3
    assert [record.state for record in harness.join()] == ["cancelled"] * 3
    assert not orders.is_paused(group.folder)


def test_pause_ends_with_the_last_run(plan: Plans, runs_dir: Path, tmp_path: Path, works: str) -> None:
    group = Group.create(runs_dir, plan(works, competitions=("toy-a",)), {}, "group")
    harness = Harness(group, parallel=1)
    wait_until(lambda: begun(tmp_path / "trace") == 1)
    pause(group)
    (tmp_path / "go").touch()
    harness.join()
    assert not orders.is_paused(group.folder)
    for act in (pause, go_on):
        with pytest.raises(UsageError, match=r"every run of group has ended; `mlebench runs group` shows them"):
            act(group)


def test_order_that_a_harness_leaves_as_it_ends_is_carried_out(plan: Plans, runs_dir: Path) -> None:
    """The harness holds the lock, never looks again, and ends: whoever asked finds the order where it put it."""
    group = Group.create(runs_dir, plan("exit 3", competitions=("toy-a",)), {}, "group")
    run_groups([group], local_executor())
    answers: list[str] = []
    with lock.hold(group.folder):
        asking = threading.Thread(target=lambda: answers.append(retry_run(group, "toy-a_seed0")))
        asking.start()
        order = group.folder / ".orders" / "retry" / "toy-a_seed0"
        wait_until(order.exists)
    asking.join(60)
    assert answers == ["toy-a_seed0 is marked for another attempt; `mlebench run --resume group` starts it"]
    assert (states(group), order.exists()) == (["pending"], False)


def test_silent_harness_is_told_and_not_waited_for(plan: Plans, runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "_PATIENCE_SECONDS", 0.0)
    shows = "`mlebench runs group`"
    group = Group.create(runs_dir, plan(), {}, "group")
    with lock.hold(group.folder):
        assert set_parallel(group, 2) == (
            f"the harness of group was asked to run at most 2 runs at once but has not responded yet; check with {shows}"
        )
    assert read_orders(group).parallel == 2


def test_orders_left_by_somebody_who_died_are_taken_by_the_next_harness(plan: Plans, runs_dir: Path) -> None:
    group = Group.create(runs_dir, plan("exit 3", competitions=("toy-a",)), {}, "group")
    run_groups([group], local_executor())
    write_order(group, "retry", "toy-a_seed0")
    run_groups([group], local_executor())
    assert group.records()[0].attempt == 2


def test_files_that_are_no_orders_ask_for_nothing(plan: Plans, runs_dir: Path, tmp_path: Path) -> None:
    group = Group.create(runs_dir, plan(), {}, "group")
    assert read_orders(group) == Orders()
    for content in ("", "0", "-1", "x", "9" * 5000, "1.5"):
        write_order(group, "parallel", content=content)
        assert read_orders(group) == Orders()
    (tmp_path / "elsewhere").write_text("7")
    (group.folder / ".orders" / "parallel").symlink_to(tmp_path / "elsewhere")
    assert read_orders(group) == Orders()
    assert (tmp_path / "elsewhere").read_text() == "7"
    os.mkfifo(group.folder / ".orders" / "parallel")
    assert read_orders(group) == Orders()
    write_order(group, "retry", "no-such-run")
    write_order(group, "retry", "toy-a_seed0")
    write_order(group, "parallel", content="3\n")
    asked = Orders(parallel=3, retried=("toy-a_seed0",))
    assert read_orders(group) == read_orders(group) == asked
    settle(group, asked)
    assert read_orders(group) == Orders()


def test_orders_that_are_no_folder_ask_for_nothing(plan: Plans, runs_dir: Path) -> None:
    group = Group.create(runs_dir, plan(), {}, "group")
    (group.folder / ".orders").write_text("paused")
    assert read_orders(group) == Orders()


def test_order_that_cannot_be_removed_is_obeyed_once(plan: Plans, runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As another user's in a folder of several; the harness ends all the same."""
    group = Group.create(runs_dir, plan("exit 3", competitions=("toy-a",)), {}, "group")
    run_groups([group], local_executor())
    write_order(group, "retry", "toy-a_seed0")
    monkeypatch.setattr(orders, "_drop", lambda order: False)
    harness = Harness(group)
    assert [record.attempt for record in harness.join()] == [2]
    assert sum("cannot be removed" in sentence for sentence in harness.display.sentences) == 1


def test_without_harness_nothing_is_paused(plan: Plans, runs_dir: Path) -> None:
    group = Group.create(runs_dir, plan(), {}, "group")
    with pytest.raises(UsageError, match=r"no harness runs group, so no run starts; `mlebench run --resume group` continues it"):
        pause(group)
    assert not orders.is_paused(group.folder)
    with pytest.raises(UsageError, match=r"no harness runs group, paused or not; `mlebench run --resume group`"):
        go_on(group)


def test_harness_killed_while_paused_goes_on_when_resumed(
    agent: Callable[..., AgentSpec], group_dir: Path, tmp_path: Path, works: str
) -> None:
    first = start(agent(works), seeds=1, parallel=1)
    wait_for_states(group_dir, lambda states: states.count("running") == 1)
    wait_until(lambda: begun(tmp_path / "trace") == 1, seconds=180)
    group = Group.open(group_dir)
    assert pause(group).startswith("group is paused")
    assert "from now on" in set_parallel(group, 2)
    first.kill()
    first.wait()
    assert read_harness_status(group_dir) is None
    with pytest.raises(UsageError, match=r"no harness runs group"):
        go_on(group)
    (tmp_path / "go").touch()
    second = harness("--resume", "group")
    _, errors = second.communicate(timeout=300)
    assert second.returncode == 0, errors
    assert "group was paused; its runs start again" in errors
    records = wait_for(group_dir, lambda records: all(record.has_ended for record in records))
    assert [record.attempt for record in records] == [1, 1, 1]
    assert not orders.is_paused(group_dir)
    assert Group.open(group_dir).settings.parallel == 2
