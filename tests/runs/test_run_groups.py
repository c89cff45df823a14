"""Run groups from plan to report: order, retries, fail-fast, cancelling, and what counts in the totals."""

from __future__ import annotations

import fcntl
import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlebench._support.ledger import broken_line, stated_whose
from mlebench.errors import GroupStopped, UsageError
from mlebench.runs import lock
from mlebench.runs.cancel import cancel_group, cancel_run
from mlebench.runs.competitions import load_competition
from mlebench.runs.executors.base import Ended
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.record import RunRecord
from mlebench.runs.resume import make_ready
from mlebench.runs.schedule.overview import Overview, RunView, Silent
from mlebench.runs.schedule.scheduler import run_groups
from mlebench.runs.settings import RunSettings
from mlebench.sandbox.base import FailureClass, Outcome
from mlebench.sandbox.local import handle
from mlebench.sandbox.run_clock import RunClock
from tests.scripted import SUBMIT

from .conftest import local_executor
from .simulated import Simulated, write_ended_run

Plans = Callable[..., Plan]
AT_ONCE = RunSettings(retry_delay=0.01)


def run(plan: Plan, runs_dir: Path, options: RunSettings = AT_ONCE, **executor: Any) -> tuple[Group, list[RunRecord]]:
    group = Group.create(runs_dir, plan, {}, "group")
    (result,) = run_groups([group], local_executor(**executor), options)
    return group, result.records


def report_of(group: Group) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((group.folder / "grading_report.json").read_text())
    return content


def test_every_run_is_graded_and_reported(plan: Plans, runs_dir: Path) -> None:
    group, records = run(plan(seeds=(0, 1)), runs_dir)
    report = report_of(group)
    assert report["total_runs"] == report["total_valid_submissions"] == report["total_bronze_medals"] == 6
    assert {(entry["competition_id"], entry["seed"]) for entry in report["competition_reports"]} == {
        (name, seed) for name in ("toy-a", "toy-b", "toy-c") for seed in (0, 1)
    }
    assert [record.graded.medal for record in records if record.graded] == ["bronze"] * 6
    assert records == group.records()
    record = records[0]
    assert (record.state, record.attempt, record.exit_code) == ("finished", 1, 0)
    assert record.submission_sha256 and record.wall_seconds is not None
    assert (group.folder / report["competition_reports"][0]["submission_path"]).is_file()


@pytest.fixture
def late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file; while it is there, all runs have been at work for a day."""
    late = tmp_path / "late"

    class Clock(RunClock):
        @property
        def elapsed(self) -> float:
            return super().elapsed + (86400 if late.exists() else 0)

    monkeypatch.setattr(handle, "RunClock", Clock)
    monkeypatch.setattr(handle, "_LOOK_SECONDS", 0.05)
    return late


def test_submission_of_a_run_that_timed_out_is_graded(plan: Plans, runs_dir: Path, late: Path) -> None:
    group, _ = run(plan(f"{SUBMIT}touch {late}; exec sleep 600", competitions=("toy-a",)), runs_dir)
    record = group.records()[0]
    assert (record.state, record.has_valid_submission) == ("timed-out", True)
    assert report_of(group)["total_bronze_medals"] == 1


@pytest.mark.parametrize(
    ("script", "reason"),
    [("true", "no-submission"), ('echo "id,z" > "$SUBMISSION_DIR/submission.csv"', "invalid-submission")],
)
def test_bad_submission_counts_as_the_agents_result(plan: Plans, runs_dir: Path, script: str, reason: str) -> None:
    group, _ = run(plan(script, competitions=("toy-a",)), runs_dir)
    record = group.records()[0]
    assert (record.state, record.reason, record.failure_class) == ("finished", reason, "agent")
    assert report_of(group)["total_runs"] == 1


def test_infrastructure_failure_is_tried_again_and_kept_out_of_the_totals(plan: Plans, runs_dir: Path, toys: Path) -> None:
    chosen = plan(competitions=("toy-a", "toy-b"))
    group = Group.create(runs_dir, chosen, {}, "group")
    (toys / "toy-a" / "prepared" / "public").rename(toys / "gone")
    run_groups([group], local_executor(), RunSettings(retries=1, retry_delay=0.01))
    lost, fine = group.records()
    assert (lost.state, lost.failure_class, lost.attempt, len(lost.attempts)) == ("failed", "infrastructure", 2, 1)
    assert "not prepared" in str(lost.detail)
    assert fine.has_valid_submission
    report = report_of(group)
    assert (report["total_runs"], report["run_group"]["planned_runs"]) == (1, 2)
    assert [entry["run_id"] for entry in report["run_group"]["infrastructure_failures"]] == ["toy-a_seed0"]


def test_output_of_an_earlier_attempt_is_kept(plan: Plans, runs_dir: Path, tmp_path: Path) -> None:
    script = f'echo "attempt"; test -e {tmp_path}/second || {{ touch {tmp_path}/second; exit 1; }}\n{SUBMIT}'
    group, _ = run(plan(script, competitions=("toy-a",)), runs_dir)
    assert group.records()[0].state == "failed"
    make_ready(group)
    run_groups([group], local_executor(), AT_ONCE)
    record = group.records()[0]
    assert (record.state, record.attempt, record.attempts[0]["exit_code"]) == ("finished", 2, 1)
    run_dir = group.run_dir("toy-a_seed0")
    assert (run_dir / "attempts" / "1" / "run.log").read_text().count("attempt") == 1
    assert (run_dir / "run.log").read_text().count("attempt\n") == 1


class EditAfterFirstEnd(Silent):
    """Adds a file to the agent's folder as soon as one run has ended."""

    def __init__(self, file: Path) -> None:
        self._note = file

    def ended(self, view: RunView, overview: Overview) -> None:
        self._note.write_text("edited\n")


def test_agent_that_is_edited_meanwhile_does_no_further_run_of_the_group(plan: Plans, runs_dir: Path) -> None:
    chosen = plan()
    note = chosen.agent.directory / "note.txt"
    group = Group.create(runs_dir, chosen, {}, "group")
    run_groups([group], local_executor(parallel=1), RunSettings(fail_fast=0), EditAfterFirstEnd(note))
    first, *others = sorted(group.records(), key=lambda record: record.reason == "agent-changed")
    assert first.has_valid_submission
    assert {(record.reason, record.failure_class, record.attempt) for record in others} == {
        ("agent-changed", "infrastructure", 1)
    }
    assert all(str(chosen.agent.directory) in record.detail and "--resume" in record.detail for record in others)

    note.unlink()
    make_ready(group)
    run_groups([group], local_executor(), AT_ONCE)
    assert all(record.has_valid_submission for record in group.records())


def test_what_never_reaches_a_run_is_no_change_of_the_agent(plan: Plans, runs_dir: Path) -> None:
    chosen = plan('test ! -e "$AGENT_DIR/.env" || exit 1\n' + SUBMIT)
    group = Group.create(runs_dir, chosen, {}, "group")
    run_groups([group], local_executor(parallel=1), AT_ONCE, EditAfterFirstEnd(chosen.agent.directory / ".env"))
    assert all(record.has_valid_submission for record in group.records())


class LateOnceTwoHaveEnded(Silent):
    def __init__(self, late: Path) -> None:
        self._late = late

    def ended(self, view: RunView, overview: Overview) -> None:
        if overview.ended() == 2:
            self._late.touch()


def test_resuming_leaves_results_alone(plan: Plans, runs_dir: Path, late: Path) -> None:
    script = "case $COMPETITION_ID in toy-a) exit 0;; toy-b) exec sleep 600;; esac\n" + SUBMIT + "exit 4"
    group = Group.create(runs_dir, plan(script), {}, "group")
    run_groups([group], local_executor(), AT_ONCE, LateOnceTwoHaveEnded(late))
    before = group.records()
    assert [record.state for record in before] == ["finished", "timed-out", "failed"]
    make_ready(group)
    assert group.records() == before


def test_group_stops_when_its_runs_fail_at_once(plan: Plans, runs_dir: Path) -> None:
    chosen = plan("echo no key >&2; exit 1", seeds=tuple(range(10)))
    group = Group.create(runs_dir, chosen, {}, "group")
    with pytest.raises(GroupStopped, match=r"3 runs in a row failed immediately.*--resume group"):
        run_groups([group], local_executor(parallel=1), AT_ONCE)
    assert [record.state for record in group.records()].count("failed") == 3
    assert [record.state for record in group.records()].count("pending") == 27


class Failing(Simulated):
    """Runs that fail at once, one after the other, for the agent's fault (a) or the infrastructure's (i)."""

    def __init__(self, faults: str) -> None:
        super().__init__(lambda _: 1.0)
        self.faults = iter(faults)

    def wait(self, seconds: float) -> list[Ended]:
        if not self._running:
            return []
        _, key, task = self._running.pop(0)
        record = task.group.record(task.run)
        record.begin("simulated", [])
        classes: dict[str, FailureClass] = {"a": "agent", "i": "infrastructure"}
        record.end(Outcome("failed", "failed", "failed at once", 1, classes[next(self.faults)]))
        record.write(task.run_dir)
        return [Ended(key, record)]


@pytest.mark.parametrize("faults", ["iiiiiiiii", "aaiiiiiii", "aiiiaiiii"], ids=lambda faults: str(faults))
def test_failures_of_the_infrastructure_stop_no_group(plan: Plans, runs_dir: Path, faults: str) -> None:
    group = Group.create(runs_dir, plan(seeds=(0, 1, 2)), {}, "group")
    run_groups([group], Failing(faults), RunSettings(retries=0))
    assert {record.state for record in group.records()} == {"failed"}


@pytest.mark.parametrize(("faults", "retries"), [("iaiaiia", 0), ("aiiiaiia", 3)])
def test_failures_of_the_infrastructure_hide_no_streak_of_the_agents(
    plan: Plans, runs_dir: Path, faults: str, retries: int
) -> None:
    group = Group.create(runs_dir, plan(seeds=(0, 1, 2)), {}, "group")
    failing = Failing(faults)
    with pytest.raises(GroupStopped, match="3 runs in a row"):
        run_groups([group], failing, RunSettings(retries=retries, retry_delay=0))
    assert next(failing.faults, None) is None


def test_without_fail_fast_every_run_is_tried(plan: Plans, runs_dir: Path) -> None:
    group, _ = run(plan("exit 1", seeds=(0, 1)), runs_dir, RunSettings(fail_fast=0))
    assert {record.state for record in group.records()} == {"failed"}


def test_longest_expected_run_starts_first(plan: Plans, runs_dir: Path) -> None:
    """The second group knows from the first how long each competition takes."""
    chosen = plan()
    earlier(runs_dir, chosen)
    assert order_of(runs_dir, chosen) == ["toy-b", "toy-c", "toy-a"]


@pytest.mark.parametrize(
    "other",
    [
        {"agent": lambda chosen: chosen.agent.with_arguments({"steps": 100})},
        {"sandbox": lambda chosen: "docker"},
        {"profile": lambda chosen: chosen.profile.changed({"cpus": 2})},
        {"agent_fingerprint": lambda chosen: "edited"},
        {"edition": lambda chosen: "v2"},
    ],
)
def test_what_runs_under_other_conditions_took_says_nothing(
    plan: Plans, runs_dir: Path, other: dict[str, Callable[[Plan], Any]]
) -> None:
    chosen = plan()
    earlier(runs_dir, replace(chosen, **{part: make(chosen) for part, make in other.items()}))
    assert order_of(runs_dir, chosen) == ["toy-a", "toy-b", "toy-c"]


def test_resumed_group_knows_what_its_own_runs_took(plan: Plans, runs_dir: Path) -> None:
    group = Group.create(runs_dir, plan(seeds=(0, 1)), {}, "group")
    for run in group.plan.runs[:3]:
        write_ended_run(group, run, LENGTHS[run.competition_id])
    executor = Simulated(lambda run: 1.0)
    run_groups([group], executor)
    assert [run.competition_id for run in executor.started] == ["toy-b", "toy-c", "toy-a"]


LENGTHS = {"toy-a": 1.0, "toy-b": 20.0, "toy-c": 10.0}


def earlier(runs_dir: Path, plan: Plan) -> None:
    """A group whose runs took as long as `LENGTHS` says."""
    group = Group.create(runs_dir, plan, {}, "earlier")
    for run in plan.runs:
        write_ended_run(group, run, LENGTHS[run.competition_id])


def order_of(runs_dir: Path, plan: Plan) -> list[str]:
    """The competitions of a new group in the order in which they start, one at a time."""
    executor = Simulated(lambda run: 1.0)
    run_groups([Group.create(runs_dir, plan, {}, "group")], executor)
    return [run.competition_id for run in executor.started]


def test_first_seed_tells_which_others_start_first(plan: Plans, runs_dir: Path) -> None:
    executor = Simulated(lambda run: LENGTHS[run.competition_id])
    run_groups([Group.create(runs_dir, plan(seeds=(0, 1)), {}, "group")], executor)
    assert {run.seed for run in executor.started[:3]} == {0}
    assert [run.competition_id for run in executor.started[3:]] == ["toy-b", "toy-c", "toy-a"]


def test_slots_are_filled_but_not_beyond(plan: Plans, runs_dir: Path, tmp_path: Path) -> None:
    """The first runs wait until all three slots are taken."""
    script = f"""
        echo start >> {tmp_path}/trace
        until [ $(grep -c start {tmp_path}/trace) -ge 3 ]; do sleep 0.01; done
        echo end >> {tmp_path}/trace
    """
    group, _ = run(plan(script, seeds=(0, 1, 2), limits={"gpus": 1}), runs_dir, cpus=8, gpus=3)
    assert {record.state for record in group.records()} == {"finished"}
    most, now = 0, 0
    for line in (tmp_path / "trace").read_text().split():
        now += 1 if line == "start" else -1
        most = max(most, now)
    assert most == 3


def test_runs_at_the_same_time_never_share_a_gpu(plan: Plans, runs_dir: Path, tmp_path: Path) -> None:
    """A run holds a folder named for its GPU; the first ones hold it until all four are held."""
    script = f"""
        mkdir {tmp_path}/gpu$CUDA_VISIBLE_DEVICES || exit 9
        until [ -e {tmp_path}/full ] || [ $(ls -d {tmp_path}/gpu* | wc -l) = 4 ]; do sleep 0.01; done
        touch {tmp_path}/full
        rmdir {tmp_path}/gpu$CUDA_VISIBLE_DEVICES
        {SUBMIT}
    """
    group, _ = run(plan(script, seeds=tuple(range(6)), limits={"gpus": 1}), runs_dir, cpus=32, gpus=4)
    assert {record.exit_code for record in group.records()} == {0}
    assert {record.gpu_ids[0] for record in group.records()} == {"0", "1", "2", "3"}
    assert all(record.gpu_hours > 0 for record in group.records())


def test_groups_with_different_needs_share_a_machine(plan: Plans, runs_dir: Path, agent: Callable[..., Any]) -> None:
    small = plan(agent=agent(name="small"), limits={"cpus": 1}, seeds=(0, 1))
    large = plan(agent=agent(name="large"), limits={"cpus": 4}, seeds=(0,))
    groups = [Group.create(runs_dir, entry, {}, entry.agent.name) for entry in (small, large)]
    run_groups(groups, local_executor(cpus=4), AT_ONCE)
    assert all(record.has_valid_submission for group in groups for record in group.records())


def test_impossible_need_is_refused_before_anything_starts(plan: Plans, runs_dir: Path) -> None:
    with pytest.raises(UsageError, match="needs 64 CPUs, but this machine has 4 CPUs; `--profile-set cpus=4` fits"):
        run(plan(limits={"cpus": 64}), runs_dir)


def test_second_harness_is_refused(plan: Plans, runs_dir: Path) -> None:
    group = Group.create(runs_dir, plan(), {}, "group")
    with lock.hold(group.folder), pytest.raises(UsageError, match="is already running"):
        run_groups([group], local_executor(), AT_ONCE)
    assert not lock.is_held(group.folder)


def test_whoever_only_looks_turns_no_harness_away(plan: Plans, runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks whether a harness runs holds the lock for a moment, which is long where it is stopped in it."""
    monkeypatch.setattr(lock, "_PATIENCE_SECONDS", 0.0)
    group = Group.create(runs_dir, plan(), {}, "group")
    with (group.folder / ".lock").open("w") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        waits = iter([lambda: None, lambda: fcntl.flock(looking, fcntl.LOCK_UN)])
        monkeypatch.setattr(lock, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: next(waits)()))
        with lock.hold(group.folder):
            assert lock.is_held(group.folder)
    assert next(waits, None) is None


class CancelWhenStarted(Silent):
    """Cancels from outside as soon as an agent has started."""

    every = 0.05

    def __init__(self, group: Group, cancel: Callable[[], object]) -> None:
        self._group = group
        self._cancel = cancel
        self._done = False

    def show(self, overview: Overview) -> None:
        if not self._done and any(record.started_at for record in self._group.records()):
            self._done = True
            self._cancel()


def test_cancelled_run_stays_cancelled(plan: Plans, runs_dir: Path) -> None:
    chosen = plan("test $COMPETITION_ID = toy-a && sleep 600\n" + SUBMIT)
    group = Group.create(runs_dir, chosen, {}, "group")
    run_groups([group], local_executor(), AT_ONCE, CancelWhenStarted(group, lambda: cancel_run(group, "toy-a_seed0")))
    make_ready(group)
    assert [record.state for record in group.records()] == ["cancelled", "finished", "finished"]
    assert report_of(group)["total_runs"] == 2


def test_cancelled_group_can_be_resumed(plan: Plans, runs_dir: Path, tmp_path: Path) -> None:
    chosen = plan(f"test -e {tmp_path}/go || sleep 600\n" + SUBMIT)
    group = Group.create(runs_dir, chosen, {}, "group")
    run_groups([group], local_executor(parallel=1), AT_ONCE, CancelWhenStarted(group, lambda: cancel_group(group)))
    assert {record.state for record in group.records()} == {"cancelled"}
    (tmp_path / "go").touch()
    make_ready(group)
    run_groups([group], local_executor(), AT_ONCE)
    assert all(record.has_valid_submission for record in group.records())


def test_group_without_a_harness_is_cancelled_directly(plan: Plans, runs_dir: Path) -> None:
    group = Group.create(runs_dir, plan(), {}, "group")
    assert cancel_group(group) == 3
    assert {record.state for record in group.records()} == {"cancelled"}
    with pytest.raises(UsageError, match="has ended"):
        cancel_group(group)


def test_usage_that_the_agent_reports_is_summed_up(plan: Plans, runs_dir: Path) -> None:
    script = (
        SUBMIT + """echo '{"input_tokens": 10, "output_tokens": 5, "cost_usd": 0.25, "model": "m"}' > "$LOGS_DIR/usage.json" """
    )
    group, _ = run(plan(script), runs_dir)
    assert group.records()[0].reported_usage["model"] == "m"
    totals = report_of(group)["run_group"]
    assert totals["usage"] == {}
    assert totals["reported_usage"] == {"input_tokens": 30, "output_tokens": 15, "cost_usd": 0.75}


@pytest.mark.skipif(shutil.which("curl") is None, reason="the checker's script needs curl")
def test_calls_of_the_checker_are_recorded_with_their_verdicts(plan: Plans, runs_dir: Path) -> None:
    script = (
        'ask="$MLEBENCH_HOME/validate_submission.sh"; $ask "$DATA_DIR/test.csv"; $ask "$DATA_DIR/sample_submission.csv"; exit 0'
    )
    group, _ = run(plan(script, competitions=("toy-a",)), runs_dir)
    calls = group.records()[0].checker_calls
    assert [call["valid"] for call in calls] == [False, True]
    assert calls[0]["at"] <= calls[1]["at"]
    (run_dir,) = (group.run_dir(planned.run_id) for planned in group.plan.runs)
    lines = [json.loads(line) for line in (run_dir / "checker_calls.jsonl").read_text().splitlines()]
    assert broken_line(lines) is None
    assert {stated_whose(line) for line in lines} == {(group.name, group.records()[0].run_id, 1)}
    assert group.records()[0].ledgers == {"checker_calls": {"lines": 2, "head": lines[-1]["hash"]}}
    assert [call["sha256"] for call in calls] == [line["sha256"] for line in lines]
    assert lines[1]["header"] and lines[1]["message"] == "the submission is valid"


@pytest.mark.parametrize("content", ["[1]", "{", '{"cost_usd": NaN}', "[" * 100_000])
def test_nonsense_in_the_usage_file_harms_nothing(plan: Plans, runs_dir: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "usage").write_text(content)
    group, _ = run(plan(f'{SUBMIT}cp {tmp_path}/usage "$LOGS_DIR/usage.json"', competitions=("toy-a",)), runs_dir)
    assert group.records()[0].has_valid_submission


def test_fault_of_the_grader_is_not_the_agents_and_is_fixed_by_resuming(plan: Plans, runs_dir: Path, tmp_path: Path) -> None:
    from mlebench.registry.content import load_module

    grade = tmp_path / "competitions" / "toy-a" / "grade.py"
    right = grade.read_text()
    grade.write_text(right.replace("metric=mean_absolute_error", "metric=lambda truth, guess: 1 / 0"))
    group, _ = run(plan(competitions=("toy-a", "toy-b")), runs_dir)
    record = group.records()[0]
    assert (record.state, record.reason, record.failure_class) == ("finished", "grader-error", "infrastructure")
    assert [entry["run_id"] for entry in report_of(group)["run_group"]["infrastructure_failures"]] == ["toy-a_seed0"]
    grade.write_text(right)
    del sys.modules[load_module(grade).__name__]
    load_competition.cache_clear()
    make_ready(group)
    run_groups([group], local_executor(), AT_ONCE)
    record = group.records()[0]
    assert (record.attempt, record.failure_class, record.has_valid_submission) == (1, None, True)
