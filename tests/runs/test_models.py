"""Models of a plan: which of them runs may ask, what a group freezes of them, and what is said before anything starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlebench.agents import AgentSpec
from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.profiles import Budget, Profile
from mlebench.runs.conditions import Conditions
from mlebench.runs.experiment import Experiment, current_plan
from mlebench.runs.group import Group
from mlebench.runs.models import model_access, model_problems, with_models
from mlebench.runs.plan import Plan
from mlebench.runs.record import RunRecord
from mlebench.runs.start import preview_run
from mlebench.runs.task import RunTask, Secrets

MODELS = """
providers:
  here: {dialects: [chat], base_url: "http://127.0.0.1:9/v1", key: HERE_KEY}
  free: {dialects: [chat], base_url: "http://127.0.0.1:9/v1"}
models:
  priced: {provider: here, prices: {input: 1, output: 2}}
  unpriced: {provider: free}
aliases: {gpt-5: priced}
"""
ASKS = "models: ['${{ arguments.model }}']\narguments: {model: priced}"

Plans = Callable[..., Plan]
Agents = Callable[..., AgentSpec]


@pytest.fixture
def models_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HERE_KEY", "OPENAI_API_KEY", "MLEBENCH_MODELS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "my-models.yaml"
    path.write_text(MODELS)
    return path


@pytest.fixture
def asking(plan: Plans, agent: Agents, models_file: Path) -> Plans:
    """Makes a plan of an agent that asks models; `settings` are those of its agent.yaml, `limits` of its profile."""

    def make(settings: str = ASKS, **limits: Any) -> Plan:
        made = plan(agent=agent(settings=settings), limits={"network": "models", **limits})
        return with_models(replace(made, model_files=(str(models_file),)))

    return make


def test_an_agent_may_ask_the_models_that_it_names(asking: Plans) -> None:
    made = asking()
    assert list(made.models) == ["priced"]
    assert made.models["priced"].key == "HERE_KEY"


def test_arguments_name_models_where_the_agent_lists_none(asking: Plans) -> None:
    assert list(asking("arguments: {model: gpt-5, feedback_model: unpriced}").models) == ["gpt-5", "unpriced"]


def test_an_agent_that_names_none_may_ask_all(asking: Plans) -> None:
    assert {"priced", "unpriced", "gpt-5", "gpt-4.1"} <= set(asking("description: x").models)
    assert "unpriced" not in asking("description: x", budget=Budget(usd=1)).models


def test_a_group_keeps_its_models_whatever_becomes_of_the_files(asking: Plans, models_file: Path, runs_dir: Path) -> None:
    made = asking("arguments: {model: gpt-5}")
    group = Group.create(runs_dir, made, {"engine": {}})
    models_file.write_text(MODELS.replace("gpt-5: priced", "gpt-5: unpriced"))

    assert Group.open(group.folder).plan == made
    assert made.models["gpt-5"].served == "priced"
    assert "sk-" not in (group.folder / "group.yaml").read_text()


def test_a_resumed_plan_has_the_frozen_models(asking: Plans, models_file: Path) -> None:
    made = replace(asking(), profile_settings={"network": "models", "time_limit": 30})
    models_file.unlink()
    assert current_plan(replace(made, profile=replace_name(made.profile, "demo"))).models == made.models


def replace_name(profile: Profile, name: str) -> Profile:
    return profile.model_copy(update={"name": name})


def test_a_group_of_a_harness_without_gateway_is_read(asking: Plans, runs_dir: Path) -> None:
    group = Group.create(runs_dir, replace(asking(), models={}, model_files=()), {"engine": {}})
    path = group.folder / "group.yaml"
    content = yaml.safe_load(path.read_text())
    for key in ("models", "model_files"):
        del content["plan"][key]
    del content["plan"]["agent"]["named_models"]
    for key in ("allow", "budget", "grants", "record", "patience"):
        del content["plan"]["profile"][key]
    for key in ("models_served", "budget", "allow", "grants"):
        del content["conditions"][key]
    path.write_text(yaml.safe_dump(content))

    read = Group.open(group.folder)
    assert (read.plan.models, read.plan.agent.named_models, read.plan.profile.budget) == ({}, None, Budget())
    assert read.conditions.differences(Conditions.of(read.plan)) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"budget": Budget(usd=5)}, "budget (usd not set → 5)"),
        ({"allow": ("pypi.org",)}, "open hosts (none → pypi.org)"),
        ({"grants": ("web_search",)}, "grants (none → web_search)"),
        ({"network": "open"}, "network (models → open)"),
    ],
)
def test_runs_with_other_means_are_not_averaged(asking: Plans, change: dict[str, Any], told: str) -> None:
    one, other = (replace(asking(**limits), sandbox="docker") for limits in ({}, change))
    assert told in Conditions.of(one).differences(Conditions.of(other))


def test_an_alias_of_another_model_is_another_condition(asking: Plans, models_file: Path) -> None:
    one = Conditions.of(asking("arguments: {model: gpt-5}"))
    models_file.write_text(MODELS.replace("gpt-5: priced", "gpt-5: unpriced"))
    assert one.differences(Conditions.of(asking("arguments: {model: gpt-5}"))) == [
        "models served (gpt-5 priced of here → unpriced of free)"
    ]


def test_what_the_harness_does_for_itself_is_no_condition(asking: Plans) -> None:
    assert Conditions.of(asking()).differences(Conditions.of(asking(record="usage", patience=7.0))) == []


@pytest.mark.parametrize(
    ("settings", "limits", "told"),
    [
        ("arguments: {model: pricd}", {}, "agent scripted: unknown model `pricd`; did you mean `priced`"),
        (ASKS, {}, "model `priced` needs the key HERE_KEY; set it with `export HERE_KEY=…`"),
        ("arguments: {model: unpriced}", {"budget": Budget(usd=5)}, "model `unpriced` has no price"),
        ("models: ['${{ arguments.model }}']", {}, "needs the argument model; give it with `--argument model=…`"),
        (ASKS, {"network": "none"}, "calls models, but the network of profile toy is none; add `--network models`"),
        ("description: x", {"network": "open", "allow": ("pypi.org",)}, "`allow` opens pypi.org"),
        ("description: x", {"network": "open", "budget": Budget(calls=5)}, "the budget calls=5 is enforced by the gateway"),
    ],
)
def test_problems_are_said_with_what_helps(asking: Plans, settings: str, limits: dict[str, Any], told: str) -> None:
    assert any(told in problem for problem in model_problems(asking(settings, **limits), []))


@pytest.mark.parametrize("name", ["priced", "gpt-5"])
def test_a_model_in_none_of_the_agents_dialects_is_refused_by_whatever_name(asking: Plans, name: str) -> None:
    settings = f"models: [{name}]\ndialects: [responses, messages]"
    told = f"agent scripted calls models in responses or messages, but model `{name}` only supports chat; choose another"
    assert [told in problem for problem in model_problems(asking(settings), ["HERE_KEY"])] == [True]


@pytest.mark.parametrize("dialects", ["dialects: [responses, chat]", "dialects: [chat]", "description: knows of no dialects"])
def test_one_dialect_in_common_will_do(asking: Plans, dialects: str) -> None:
    assert model_problems(asking(f"models: [priced, gpt-5]\n{dialects}"), ["HERE_KEY"]) == []


def test_a_model_that_the_agent_cannot_talk_to_is_said_before_the_start(
    toys: Path,
    agent: Agents,
    models_file: Path,
    runs_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HERE_KEY", "sk-real")
    chosen = agent(settings="models: ['${{ arguments.model }}']\narguments: {model: gpt-5}\ndialects: [responses]")
    words = ["run", "--agent", str(chosen.directory), "-c", "toy-a", "--sandbox", "local", "--profile", "demo"]
    words += ["--network", "models", "--models", str(models_file)]
    told = "agent scripted calls models in responses, but model `gpt-5` only supports chat"
    assert main([*words, "--dry-run"]) == 2
    assert f"missing: {told}" in capsys.readouterr().out
    assert main(words) == 2
    assert told in capsys.readouterr().err
    assert not list(runs_dir.glob("*/*"))


def test_nothing_is_a_problem_where_all_is_there(asking: Plans) -> None:
    assert model_problems(asking(budget=Budget(usd=5), allow=("pypi.org",)), ["HERE_KEY"]) == []
    # an agent without models needs no key
    assert model_problems(asking("description: x"), []) == []


@pytest.mark.parametrize(
    ("network", "settings", "has_one"),
    [
        ("models", "description: x", True),
        ("open", ASKS, True),
        ("open", "arguments: {model: priced}", False),
        ("open", "models: []", False),
        ("none", ASKS, False),
    ],
)
def test_who_has_a_gateway(asking: Plans, network: str, settings: str, has_one: bool) -> None:
    """On an open network an agent that knows of no gateway asks where it always did, with its own key."""
    made = asking(settings, network=network)
    assert made.has_gateway is has_one
    assert (model_access(made, {}) is not None) is has_one


def test_keys_reach_the_gateway_and_no_agent(asking: Plans, runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = asking()
    monkeypatch.setenv("HERE_KEY", "sk-real")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    group = Group.create(runs_dir, made, {"engine": {}})
    secrets = Secrets.of([made], None)
    for task in (RunTask(group, made.runs[0], secrets), RunTask(group, made.runs[0], secrets).without_secrets()):
        access = model_access(made, task.model_keys())
        assert access is not None and dict(access.keys) == {"HERE_KEY": "sk-real"}
        assert "sk-real" not in repr(access)
        assert task.agent_secrets() == {}
        assert task.masked() == ("sk-real",)


def test_everything_is_said_in_a_file_and_by_flags(toys: Path, agent: Agents, models_file: Path) -> None:
    experiment = Experiment(
        agents=str(agent(settings=ASKS).directory),
        competitions=("toy-a",),
        seeds=2,
        profile="demo",
        sandbox="local",
        network="models",
        budget="usd=5,calls=2k",
        allow="PyPI.org",
        models=models_file,
    )
    [preview] = preview_run(experiment)
    profile = preview.plan.profile
    assert (profile.network, profile.budget, profile.allow) == ("models", Budget(usd=5, calls=2000), ("pypi.org",))
    assert profile.name == "demo+allow=pypi.org+budget=usd=5,calls=2000+network=models"
    assert preview.most == {"usd": 10, "input_tokens": None, "output_tokens": None, "calls": 4000}
    assert [preview.to_dict()[f"most_{key}"] for key in preview.most] == [*preview.most.values()]
    assert preview.to_dict()["models"] == {"priced": {"served": "priced", "provider": "here", "key": "HERE_KEY", "priced": True}}
    assert [problem for problem in preview.problems if "HERE_KEY" in problem]
    [preview] = preview_run(experiment, network="none", budget="calls=7")
    assert (preview.plan.profile.network, preview.plan.profile.budget, preview.most_usd) == ("none", Budget(calls=7), 0)


def test_a_wrong_word_is_named(agent: Agents) -> None:
    with pytest.raises(UsageError, match=r"budget\.uds.*did you mean `usd`"):
        preview_run(agents=str(agent().directory), competitions=["toy-a"], budget="uds=5")


def test_usage_of_older_records_is_what_the_agent_claimed(tmp_path: Path) -> None:
    RunRecord("r", "g", "toy-a", 0, "a", "v1", usage={"calls": 3, "models": {"m": {"calls": 3}}}, reported_usage={"steps": 2},
              ledgers={"model_calls": {"lines": 3, "head": "0f"}}).write(tmp_path)  # fmt: skip
    record = RunRecord.read(tmp_path)
    assert (record.usage["calls"], record.usage["models"]["m"]["calls"], record.reported_usage) == (3, 3, {"steps": 2})
    assert record.ledgers == {"model_calls": {"lines": 3, "head": "0f"}}

    path = tmp_path / "run.json"
    path.write_text(path.read_text().replace('"reported_usage"', '"other"').replace('"ledgers"', '"others"'))
    older = RunRecord.read(tmp_path)
    assert (older.usage, older.reported_usage["calls"], older.ledgers) == ({}, 3, {})
