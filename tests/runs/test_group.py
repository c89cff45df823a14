"""A group's folder that was only partly created can be completed, and nothing that an agent made is lost."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench.agents import AgentSpec
from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.runs import lock
from mlebench.runs.group import Group, take_over
from mlebench.runs.plan import Plan
from mlebench.runs.schedule.scheduler import run_groups
from tests.scripted import SUBMIT

from .conftest import local_executor

Plans = Callable[..., Plan]


def changed(value: Any, **parts: object) -> Any:
    return dataclasses.replace(value, **parts)


def test_every_record_holds_the_hash_of_the_plan_which_a_reader_finds_again(plan: Plans, runs_dir: Path) -> None:
    planned = changed(plan(), argument_settings={"rate": 1e-5, "on": True, "x": float("nan")})
    planned = changed(planned, agent=planned.agent.with_arguments(planned.argument_settings))
    group = Group.create(runs_dir, planned, {}, "mine")
    read = Group.open(group.folder)
    assert {record.plan_sha256 for record in read.records()} == {group.plan.sha256} == {read.plan.sha256}


def test_the_hash_of_a_plan_is_of_what_results_depend_on_alone(plan: Plans, tmp_path: Path) -> None:
    planned = plan()
    moved = changed(planned, data_dir=tmp_path, agent=changed(planned.agent, directory=tmp_path))
    assert moved.sha256 == planned.sha256
    longer = planned.profile.changed({"time_limit": 7200})
    for other in (
        changed(planned, seeds=(*planned.seeds, 99)),
        changed(planned, competitions=planned.competitions[:1]),
        changed(planned, profile=longer),
        changed(planned, edition="v2"),
        changed(planned, agent_fingerprint="another"),
        changed(planned, agent=planned.agent.with_arguments({"steps": 1})),
    ):
        assert other.sha256 != planned.sha256


def kill_halfway(folder: Path) -> None:
    """What a harness leaves that is killed while it makes a group."""
    (folder / "group.yaml").unlink()
    (folder / ".group.yaml.123.0").write_text("plan:")
    shutil.rmtree(folder / "toy-b_seed0")
    (folder / "toy-c_seed0" / "run.json").write_text("")


@pytest.mark.parametrize("damage", [kill_halfway, lambda folder: (folder / "group.yaml").write_text("")], ids=["gone", "empty"])
def test_a_group_that_was_left_half_made_is_made_anew_under_its_name(
    agent: Callable[..., AgentSpec],
    plan: Plans,
    runs_dir: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], object],
) -> None:
    folder = Group.create(runs_dir, plan(), {}, "mine").folder
    damage(folder)
    assert main(["runs"]) == 0
    assert "mine is left out: " in (said := capsys.readouterr().err) and "`mlebench run --name mine`" in said
    for words in (["runs", "mine"], ["run", "--resume", "mine"], ["report", "mine"], ["grade", "mine"]):
        assert main(words) == 2, words
        assert "has no plan" in capsys.readouterr().err
    scripted = str(agent(SUBMIT).directory)
    again = ["run", "--agent", scripted, "-c", "toy-a", "--sandbox", "local", "--profile", "demo", "--name", "mine"]
    assert main([*again, "--profile-set", "cpus=0.1", "--profile-set", "memory=1m"]) == 0
    assert "was left incomplete" in capsys.readouterr().err
    assert [record.has_valid_submission for record in Group.open(folder).records()] == [True]


def test_what_an_agent_made_is_never_taken_over(plan: Plans, runs_dir: Path) -> None:
    group = Group.create(runs_dir, plan(), {}, "mine")
    run_groups([group], local_executor())
    (group.folder / "group.yaml").unlink()
    with pytest.raises(UsageError, match="has no plan"):
        take_over(group.folder)
    assert len(list(group.folder.glob("*/submission/submission.csv"))) == 3


def test_a_group_that_is_being_made_is_not_taken_over(plan: Plans, runs_dir: Path) -> None:
    group = Group.create(runs_dir, plan(), {}, "mine")
    assert not take_over(group.folder)
    (group.folder / "group.yaml").unlink()
    with lock.hold(group.folder), pytest.raises(UsageError, match="already running"):
        take_over(group.folder)
    assert take_over(group.folder)
    assert not group.folder.exists()


def test_the_record_of_another_run_is_damaged(plan: Plans, runs_dir: Path) -> None:
    """A folder that was copied or renamed would count one result twice."""
    group = Group.create(runs_dir, plan(), {}, "mine")
    run_groups([group], local_executor())
    shutil.copy(group.run_dir("toy-a_seed0") / "run.json", group.run_dir("toy-b_seed0") / "run.json")
    first, second, _ = group.records()
    assert first.has_valid_submission
    assert (second.reason, second.has_valid_submission) == ("record-damaged", False)
    assert "toy-a_seed0" in str(second.detail)


def test_commands_that_messages_offer_find_a_group_that_lies_elsewhere(
    plan: Plans, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "my runs"
    group = Group.create(elsewhere, plan(), {}, "mine")
    there = f"--runs-dir '{elsewhere}'`"
    (group.run_dir(group.plan.runs[0].run_id) / "run.json").write_text("{")
    assert f"`mlebench run --resume mine {there} repeats the run" in str(group.record(group.plan.runs[0]).detail)
    with pytest.raises(UsageError, match=re.escape(f"continue it with `mlebench run --resume mine {there}")):
        Group.create(elsewhere, plan(), {}, "mine")
    watching = re.escape(f"`mlebench runs mine --watch {there}")
    with lock.hold(group.folder), pytest.raises(UsageError, match=watching), lock.hold(group.folder):
        pass
    assert main(["runs", "no-such-group", "--runs-dir", str(elsewhere)]) == 2
    assert f"`mlebench runs {there} lists all run groups" in capsys.readouterr().err
