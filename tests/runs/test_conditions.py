"""What makes runs comparable: which parts there are, when they differ, and how that is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlebench.agents import AgentSpec
from mlebench.errors import UsageError
from mlebench.profiles import Profile
from mlebench.runs.conditions import Conditions
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan

AGENT = AgentSpec("tree", "big", Path("agents/tree"), arguments={"model": "m-1", "steps": 1})
PROFILE = Profile(name="small", time_limit=3600, memory=2**30)
PLAN = Plan(AGENT, ("spaceship-titanic",), (0,), PROFILE, "docker", agent_fingerprint="0123456789abcdef")


def changed(**changes: Any) -> Conditions:
    return Conditions.of(replace(PLAN, **changes))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"agent": replace(AGENT, variant=None)}, "agent (tree/big → tree)"),
        ({"agent": AGENT.with_arguments({"steps": 100})}, "arguments (steps 1 → 100)"),
        ({"agent": AGENT.with_arguments({"steps": None, "depth": 2})}, "arguments (steps 1 → not set, depth not set → 2)"),
        ({"agent": AGENT.with_arguments({"model": "m-2"})}, "arguments (model m-1 → m-2)"),
        ({"agent_fingerprint": "fedcba9876543210"}, "agent's files (0123456789abcdef → fedcba9876543210)"),
        (
            {"profile": PROFILE.changed({"time_limit": "2h", "gpus": 1})},
            "limits (gpus 0 → 1, time limit 1 h → 2 h)",
        ),
        ({"profile": PROFILE.changed({"memory": 2**30 + 1})}, "limits (memory 1073741824 → 1073741825)"),
        ({"sandbox": "plain"}, "sandbox (docker → plain)"),
        ({"profile": PROFILE.changed({"network": "none"})}, "network (open → none)"),
        ({"profile": PROFILE.changed({"task_text": "kaggle"})}, "task text (plain → kaggle)"),
        ({"obfuscated": True}, "task text (plain → obfuscated)"),
        ({"edition": "v2"}, "edition (v1 → v2)"),
        ({"edition": "v2", "split_key_hash": "0f"}, "split key (published → 0f)"),
    ],
)  # fmt: skip
def test_each_part_that_differs_is_named(changes: dict[str, Any], told: str) -> None:
    assert told in changed().differences(changed(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seeds": (4, 5)},
        {"competitions": ("leaf-classification",)},
        {"profile": Profile(name="other", description="the same by value", time_limit=3600, memory=2**30, snapshot_every=7)},
        {"data_dir": Path("elsewhere")},
        {"agent": replace(AGENT, directory=Path("moved"), description="said better")},
    ],
)
def test_what_changes_no_result_is_no_difference(changes: dict[str, Any]) -> None:
    assert changed().differences(changed(**changes)) == []


def test_a_models_name_is_told_once() -> None:
    assert len(changed().differences(changed(agent=AGENT.with_arguments({"model": "m-2"})))) == 1


def test_competitions_count_where_both_sides_have_them() -> None:
    first = replace(changed(), competition_versions={"a": 1, "b": 1}, instance_hashes={"r": "01"})

    assert first.differences(replace(first, competition_versions={"c": 2}, instance_hashes={})) == []
    assert first.differences(replace(first, competition_versions={"b": 2}, instance_hashes={"r": "02"})) == [
        "competition versions (b 1 → 2)",
        "keys of generated data (r 01 → 02)",
    ]
    many = replace(first, competition_versions=dict.fromkeys("abcdefg", 1))
    assert many.differences(replace(many, competition_versions=dict.fromkeys("abcdefg", 2))) == [
        "competition versions (a 1 → 2, b 1 → 2, and 5 more)"
    ]
    assert first.differences(replace(first, competition_versions={"a": None})) == ["competition versions (a 1 → unknown)"]


def test_another_series_of_the_harness_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlebench.runs.conditions.VERSION", "3.4.5")
    now = changed()
    monkeypatch.setattr("mlebench.runs.conditions.VERSION", "3.4.6")
    assert now.differences(changed()) == []
    monkeypatch.setattr("mlebench.runs.conditions.VERSION", "3.5.0")
    assert now.differences(changed()) == ["harness (3.4 → 3.5)"]


def test_unknown_equals_unknown_alone() -> None:
    told, untold = changed(), Conditions("tree/big")

    (unknown,) = untold.differences(told)
    assert unknown == ("arguments, agent's files, models, limits, sandbox, network, task text, harness (unknown on one side)")
    assert told.differences(untold) == [unknown]
    assert untold.differences(Conditions("tree/big")) == []


def test_a_name_says_what_sets_conditions_apart() -> None:
    first, more, plain = changed(), changed(agent=AGENT.with_arguments({"steps": 100})), changed(sandbox="plain")

    assert first.set_apart([more]) == ["steps=1"]
    assert more.set_apart([first]) == ["steps=100"]
    assert plain.set_apart([first, more]) == ["steps=1", "plain"]
    assert first.set_apart([first, Conditions("other")]) == []
    assert Conditions("tree/big").set_apart([first]) == ["conditions unknown"]
    assert first.set_apart([Conditions("tree/big")]) == []


def test_local_of_an_earlier_harness_is_plain() -> None:
    assert changed(sandbox="local").differences(changed(sandbox="plain")) == []
    assert changed(sandbox="local").network == changed(sandbox="plain").network == "not isolated"
    assert changed(sandbox="bubblewrap").network == PLAN.profile.network


def test_a_group_keeps_its_conditions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlebench.runs.conditions.VERSION", "3.4.5")
    made = Group.create(tmp_path, PLAN, {}, "kept")
    monkeypatch.setattr("mlebench.runs.conditions.VERSION", "4.0.0")

    opened = Group.open(made.folder)

    assert opened.conditions == made.conditions
    assert opened.conditions.harness == "3.4"


def test_an_older_group_tells_what_its_plan_and_manifest_do(tmp_path: Path) -> None:
    folder = Group.create(tmp_path, PLAN, {"harness": {"version": "0.1.3"}}, "old").folder
    _rewrite(folder, lambda content: content.pop("conditions"))

    conditions = Group.open(folder).conditions

    assert conditions.differences(replace(changed(), harness="0.1", competition_versions={})) == []
    assert conditions.competition_versions == {"spaceship-titanic": None}


def test_damaged_conditions_are_named(tmp_path: Path) -> None:
    folder = Group.create(tmp_path, PLAN, {}, "damaged").folder
    _rewrite(folder, lambda content: content.update(conditions={"agent": "tree", "limits": "none"}))

    with pytest.raises(UsageError, match=r"group\.yaml.*`limits`"):
        Group.open(folder)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"settings": {"parallel": "many", "retries": -1}}, "RunSettings: `parallel`: .*; `retries`: "),
        ({"settings": [1]}, "its content: `settings`: expected keys"),
        ({"plan": {}}, "Plan: `agent` is missing"),
        ({"conditions": {"agent": "tree", "limits": "none"}}, "`conditions` is damaged: `limits`"),
    ],
)
def test_a_damaged_group_is_named_in_one_sentence(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    folder = Group.create(tmp_path, PLAN, {}, "damaged").folder
    _rewrite(folder, lambda content: content.update(change))

    with pytest.raises(UsageError, match=f"group\\.yaml was written by another version or changed by hand: {named}") as caught:
        Group.open(folder)
    assert not any(word in str(caught.value) for word in ("\n", "http", "Error("))


def _rewrite(folder: Path, change: Any) -> None:
    path = folder / "group.yaml"
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))
