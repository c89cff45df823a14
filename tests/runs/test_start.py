"""One door starts and resumes runs, and a group remembers how it is run."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlebench
from mlebench.agents import AgentSpec
from mlebench.cli.main import main
from mlebench.errors import GroupStopped, UsageError
from mlebench.runs import resume, start
from mlebench.runs.cancel import cancel_group
from mlebench.runs.executors import get_executor
from mlebench.runs.executors.base import Executor
from mlebench.runs.executors.slurm import SlurmExecutor
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan, PlannedRun
from mlebench.runs.settings import RunSettings
from mlebench.runs.task import RunTask, Secrets
from mlebench.sandbox import get_sandbox
from tests.scripted import SUBMIT

from .conftest import TOYS, local_executor
from .simulated import Simulated

Agents = Callable[..., AgentSpec]
SMALL = {"base": "demo", "cpus": 0.1, "memory": "1m"}


class Cluster(Simulated):
    """Stands for a cluster: remembers which settings it was opened with, and may hold runs of an earlier harness."""

    name = "slurm"
    opened: list[RunSettings]
    held: list[PlannedRun]

    def __init__(self, settings: RunSettings) -> None:
        super().__init__(lambda run: 1.0)
        self.opened.append(settings)

    def may_hold(self, group: Group) -> list[PlannedRun]:
        return self.held


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> type[Cluster]:
    """What opens for `--executor slurm`."""

    fresh = type("Fresh", (Cluster,), {"opened": [], "held": []})

    def choose(settings: RunSettings) -> Executor:
        return fresh(settings) if settings.executor == "slurm" else get_executor(settings)

    for module in (start, resume):
        monkeypatch.setattr(module, "get_executor", choose)
    return fresh


@pytest.fixture
def scripted(agent: Agents, toys: Path) -> str:
    return str(agent(SUBMIT).directory)


def words(scripted: str, *more: str) -> list[str]:
    return ["run", "--agent", scripted, "-c", "toy-a", "--sandbox", "local", "--profile", "demo", "--name", "group", *more]


def test_a_python_program_runs_agents_as_the_command_line_does(scripted: str, runs_dir: Path) -> None:
    (result,) = mlebench.run(agents=scripted, competitions=TOYS, seeds=2, profile=SMALL, sandbox="local")
    assert result.group.folder.parent == runs_dir
    assert len(result.records) == 6 and result.is_complete
    assert json.loads(result.report.read_text())["total_bronze_medals"] == 6

    (again,) = mlebench.run(resume=result.group.name)
    assert again.records == result.records


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"agents": "dummy", "competition": "toy-a"}, "`competition`"),
        ({"competitions": ["toy-a"]}, "`agents`"),
        ({"resume": "nothing"}, "unknown run group `nothing`"),
    ],
)
def test_wrong_choices_are_named(toys: Path, choices: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        mlebench.run(**choices)


def test_a_single_competition_needs_no_list(scripted: str) -> None:
    (result,) = mlebench.run(agents=scripted, competitions="toy-a", profile=SMALL, sandbox="local")
    assert [record.competition_id for record in result.records] == ["toy-a"]


def test_a_program_cannot_change_the_frozen_plan_of_a_group(scripted: str) -> None:
    (result,) = mlebench.run(agents=scripted, competitions=["toy-a"], profile=SMALL, sandbox="local")
    with pytest.raises(UsageError, match="`seeds` is part of the frozen plan"):
        mlebench.run(resume=result.group.name, seeds=3)


def test_results_of_a_stopped_group_are_told(agent: Agents, toys: Path) -> None:
    folder = str(agent("exit 1").directory)
    with pytest.raises(GroupStopped) as stopped:
        mlebench.run(agents=folder, competitions=TOYS, profile=SMALL, sandbox="local", fail_fast=2, parallel=1)
    (result,) = stopped.value.results
    assert [record.state for record in result.records].count("pending") == 1


def test_resumed_group_goes_on_at_the_executor_that_it_was_started_with(
    cluster: type[Cluster], scripted: str, runs_dir: Path
) -> None:
    """By the printed command alone it began again on this machine, beside its living jobs."""
    settings = ["--executor", "slurm", "--executor-set", "partition=gpu", "--parallel", "3", "--retries", "0", "--fail-fast", "7"]
    assert main(words(scripted, *settings)) == 0
    assert main(["run", "--resume", "group"]) == 0
    first, second = cluster.opened
    assert first == second == Group.open(runs_dir / "group").settings
    assert (second.executor, second.executor_settings, second.parallel) == ("slurm", {"partition": "gpu"}, 3)
    assert (second.retries, second.fail_fast) == (0, 7)


def test_what_is_given_on_resume_replaces_what_was_kept_and_is_kept_in_turn(
    cluster: type[Cluster], scripted: str, runs_dir: Path
) -> None:
    main(words(scripted, "--executor", "slurm", "--executor-set", "partition=gpu", "--parallel", "3"))
    assert main(["run", "--resume", "group", "--parallel", "5", "--keep-container"]) == 0
    assert Group.open(runs_dir / "group").settings == cluster.opened[-1]
    assert (cluster.opened[-1].parallel, cluster.opened[-1].keep) == (5, True)
    assert cluster.opened[-1].executor_settings == {"partition": "gpu"}

    # settings of one executor mean nothing to another
    assert main(["run", "--resume", "group", "--executor", "local"]) == 0
    settings = Group.open(runs_dir / "group").settings
    assert (settings.executor, settings.executor_settings, settings.parallel) == ("local", {}, 5)


def test_a_group_does_not_leave_an_executor_that_still_holds_its_runs(
    cluster: type[Cluster], scripted: str, runs_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(words(scripted, "--executor", "slurm"))
    group = Group.open(runs_dir / "group")
    (run,) = group.plan.runs
    record = group._new_record(run)
    record.write(group.run_dir(run.run_id))
    cluster.held.append(run)

    assert main(["run", "--resume", "group", "--executor", "local"]) == 2
    assert "executor slurm may still hold toy-a_seed0" in capsys.readouterr().err
    assert Group.open(runs_dir / "group").settings.executor == "slurm"
    cluster.held.clear()
    assert main(["run", "--resume", "group", "--executor", "local"]) == 0


def test_a_group_written_before_settings_were_kept_resumes_where_its_manifest_says(
    cluster: type[Cluster], scripted: str, runs_dir: Path
) -> None:
    main(words(scripted, "--executor", "slurm"))
    path = runs_dir / "group" / "group.yaml"
    content = yaml.safe_load(path.read_text())
    del content["settings"], content["conditions"]
    path.write_text(yaml.safe_dump(content))
    assert main(["run", "--resume", "group"]) == 0
    assert cluster.opened[-1] == RunSettings(executor="slurm")


def test_a_preview_of_a_resumed_group_asks_its_own_executor(
    cluster: type[Cluster], scripted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(words(scripted, "--executor", "slurm", "--parallel", "2"))
    assert main(["run", "--resume", "group", "--dry-run"]) == 0
    assert "nothing is missing" in capsys.readouterr().out
    assert [settings.executor for settings in cluster.opened] == ["slurm", "slurm"]


def test_secrets_and_split_keys_are_kept_nowhere(
    agent: Agents, toys: Path, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_KEY", "toy-secret")
    folder = str(agent(SUBMIT, settings="environment: {TOY_KEY: '${{ secrets.TOY_KEY }}'}").directory)
    for name in TOYS:
        (toys / name / "prepared").rename(toys / name / "prepared-v2")
    monkeypatch.setattr("mlebench.preparation.record.made_from_another", lambda competition: None)
    choices = {"agents": folder, "competitions": ["toy-a"], "profile": SMALL, "sandbox": "local", "edition": "v2"}
    (result,) = mlebench.run(**choices, split_key="toy-split-key")
    assert result.group.plan.split_key_hash
    written = [path.read_bytes() for path in runs_dir.rglob("*") if path.is_file()]
    assert not [content for content in written if b"toy-secret" in content or b"toy-split-key" in content]


def test_changed_agent_is_refused_with_the_part_that_differs(scripted: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(words(scripted))
    (Path(scripted) / "agent.yaml").write_text("arguments: {steps: 9}\n")
    assert main(["run", "--resume", "group"]) == 2
    error = capsys.readouterr().err
    assert "arguments (steps not set → 9)" in error and "agent's files" in error
    assert "changed files of the agent: agent.yaml; restore them" in error


def test_only_this_machines_executor_asks_for_this_machines_sandbox(plan: Callable[..., Plan], agent: Agents) -> None:
    chosen = plan(agent=agent(settings="image: ready-made"))
    sandbox = get_sandbox("local")
    elsewhere = Simulated(lambda run: 1.0)
    assert "needs an image" in local_executor().problems(chosen, sandbox, Secrets())[0]
    assert elsewhere.problems(chosen, sandbox, Secrets()) == []
    assert local_executor().describe(chosen, sandbox)["python"]
    assert elsewhere.describe(chosen, sandbox) == {"engine": None, "version": None, "images": {}}


def test_slurm_says_that_a_split_key_does_not_travel(plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    executor = SlurmExecutor.__new__(SlurmExecutor)
    (problem,) = executor.problems(plan(), get_sandbox("local"), Secrets(split_key="key"))
    assert "export MLEBENCH_SPLIT_KEY=" in problem
    monkeypatch.setenv("MLEBENCH_SPLIT_KEY", "key")
    assert executor.problems(plan(), get_sandbox("local"), Secrets(split_key="key")) == []


def test_a_run_left_behind_is_stopped_at_its_executor_when_its_group_is_cancelled(
    plan: Callable[..., Plan], runs_dir: Path
) -> None:
    """Here: by this machine's, which finds the processes that a killed harness left."""
    group = Group.create(
        runs_dir, plan("exec sleep 600", competitions=("toy-a", "toy-b"), limits={"time_limit": 600}), {}, "group"
    )
    code = (
        "import os, pickle, sys; from mlebench.runs.worker import *; from mlebench.runs import worker;"
        "worker.StopMarks.__enter__ = lambda self: os._exit(9); execute(pickle.loads(sys.stdin.buffer.read()), ())"
    )
    task = RunTask(group, group.plan.runs[0])
    subprocess.run([sys.executable, "-c", code], input=pickle.dumps(task), check=False)
    assert group.record(task.run).state == "running"

    assert cancel_group(group) == 2
    assert [(record.state, record.reason) for record in group.records()] == [("cancelled", "cancelled")] * 2


def test_a_group_fails_where_no_run_left_a_valid_submission(
    agent: Agents, toys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An agent that fails at some competitions has results; one that fails at all of them has nothing to report."""
    failing = agent("exit 3", name="failing").directory
    assert main(words(str(failing), "--name", "none", "--fail-fast", "0")) == 1
    assert "toy-a_seed0" in capsys.readouterr().out

    half = agent(f'[ "$COMPETITION_ID" = toy-a ] || exit 3\n{SUBMIT}', name="half").directory
    both = ["-c", "toy-b", "--fail-fast", "0"]
    assert main(words(str(half), *both, "--name", "half")) == 0
    assert main(words(str(half), *both, "--name", "strict", "--strict")) == 1
    assert main(words(str(agent().directory), *both, "--name", "whole", "--strict")) == 0


def test_snapshots_that_are_kept_are_said_with_the_command_that_grades_them(
    agent: Agents, runs_dir: Path, toys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = f"{SUBMIT}cp $SUBMISSION_DIR/submission.csv $MLEBENCH_HOME/../snapshots/000130.csv"
    assert main(words(str(agent(script).directory), "--sandbox", "plain")) == 0
    grade = f"mlebench grade {runs_dir / 'group'}"
    assert f"1 snapshot of submissions kept; `{grade}` grades them" in capsys.readouterr().out
    assert main(["report", str(runs_dir / "group")]) == 0
    assert "1 snapshot of group not graded" in " ".join(capsys.readouterr().out.split())

    assert main(grade.split()[1:]) == 0
    capsys.readouterr()
    assert main(["report", str(runs_dir / "group")]) == 0
    assert "of group not graded" not in capsys.readouterr().out


def test_an_agents_folder_may_be_called_anything(agent: Agents, runs_dir: Path, toys: Path) -> None:
    chosen = agent(name="my agent (v2) \u00e9" + "x" * 100)
    assert main(["run", "--agent", str(chosen.directory), "-c", "toy-a", "--sandbox", "local", "--profile", "demo"]) == 0
    (group,) = runs_dir.iterdir()
    assert group.name.partition("_")[2].startswith("my-agent-v2-") and len(group.name) < 110
    assert main(["run", "--resume", group.name]) == 0
