"""How images that can be built here stand, told from one listing of the engine, without an engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from mlebench import doctor
from mlebench._support.paths import content_dir
from mlebench.agents import AgentSpec, get_agent
from mlebench.errors import EngineUnreachable
from mlebench.sandbox.docker import images
from mlebench.sandbox.docker.inventory import Inventory
from mlebench.sandbox.docker.listing import agent_image, list_all
from mlebench.sandbox.docker.sandbox import DockerSandbox
from mlebench.sandbox.docker.traits import Traits

PARENT = "docker.io/library/python:3.11"
MB = 2**20


@dataclass
class Engine:
    """Lists what was built on it, and counts how often it is asked."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0

    @property
    def api(self) -> Engine:
        return self

    def images(self) -> list[dict[str, Any]]:
        self.asked += 1
        return self.entries

    def add(self, name: str, size: int, labels: dict[str, str] | None = None) -> str:
        number = f"sha256:{len(self.entries)}"
        self.entries.append({"Id": number, "RepoTags": [name], "RepoDigests": None, "Labels": labels, "Size": size})
        return number

    def build(self, recipe: images.Recipe, size: int) -> str:
        parent = next(entry["Id"] for entry in self.entries if entry["RepoTags"][0].endswith(recipe.parent))
        labels = {
            images.RECIPE_LABEL: recipe.hash,
            images.PARENT_LABEL: recipe.parent,
            images.PARENT_ID_LABEL: parent,
        }
        return self.add(recipe.tag, size, labels)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AgentSpec:
    monkeypatch.setenv("MLEBENCH_AGENTS_PATH", str(tmp_path))
    monkeypatch.setenv("MLEBENCH_BASE_IMAGE", "python:3.11")
    folder = tmp_path / "coder"
    folder.mkdir()
    (folder / "agent.yaml").write_text("version: '1.2'\nstages: [node]\n")
    (folder / "start.sh").write_text("true\n")
    (folder / "Dockerfile").write_text("ARG BASE\nARG NODE\nFROM ${NODE} AS build\nFROM ${BASE}\nCOPY --from=build /a /a\n")
    return get_agent("coder")


@pytest.fixture
def engine(agent: AgentSpec) -> Engine:
    """Everything that the agent needs is built."""
    made = Engine()
    made.add(PARENT, 100 * MB)
    base = images.base_recipe()
    recipe = images.agent_recipe(agent, base)
    made.build(base, 500 * MB)
    made.build(recipe.stages[0], 300 * MB)
    made.build(recipe, 620 * MB)
    return made


def test_an_image_is_current_while_nothing_changes(engine: Engine, agent: AgentSpec) -> None:
    found = agent_image(Inventory.take(engine), agent)
    assert (found.kind, found.name, found.state) == ("own", "mlebench/agent-coder:light", "current")
    assert (found.size, found.own_size) == (620 * MB, 120 * MB)
    assert [(stage.purpose, stage.state, stage.size) for stage in found.stages] == [("stage node", "current", 300 * MB)]


def test_a_changed_file_and_a_changed_base_outdate_it(engine: Engine, agent: AgentSpec) -> None:
    (agent.directory / "start.sh").write_text("false\n")
    assert agent_image(Inventory.take(engine), agent).state == "outdated"
    (agent.directory / "start.sh").write_text("true\n")
    assert agent_image(Inventory.take(engine), agent).state == "current"

    # the base was built again: the old one is gone, and with it what the agent's own layers add
    engine.entries[1] = {**engine.entries[1], "Id": "sha256:new"}
    outdated = agent_image(Inventory.take(engine), agent)
    assert (outdated.state, outdated.own_size) == ("outdated", None)


def test_a_base_that_is_gone_is_built_again_and_with_it_the_agent(engine: Engine, agent: AgentSpec) -> None:
    del engine.entries[1]
    assert agent_image(Inventory.take(engine), agent).state == "outdated"


def test_a_stage_that_is_gone_is_not_needed_any_more(engine: Engine, agent: AgentSpec) -> None:
    del engine.entries[2]
    found = agent_image(Inventory.take(engine), agent)
    assert (found.state, found.stages[0].state) == ("current", "missing")


def test_without_an_engine_nothing_is_known(agent: AgentSpec) -> None:
    found = agent_image(None, agent)
    assert (found.kind, found.state, found.size) == ("own", None, None)


def test_agents_without_an_image_of_their_own(engine: Engine, agent: AgentSpec) -> None:
    (agent.directory / "Dockerfile").unlink()
    base = agent_image(Inventory.take(engine), agent)
    assert (base.kind, base.name, base.state) == ("base", "mlebench/base:light", "current")
    del engine.entries[1]
    assert agent_image(Inventory.take(engine), agent).state == "missing"

    (agent.directory / "agent.yaml").write_text("image: me/mine:1\n")
    assert agent_image(Inventory.take(engine), get_agent("coder")).kind == "ready-made"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("stages: [rust]", "agent coder builds on the stage `rust`, which does not exist; `stages` in its agent.yaml may list"),
        ("stages: ['../node']", "builds on the stage `../node`"),
        ("package_set: huge", "there is no package set `huge`"),
        ("image: '${{ arguments.image }}'", "needs the argument image"),
    ],
)
def test_what_keeps_an_image_from_being_built_is_said_and_the_others_are_listed(
    engine: Engine, agent: AgentSpec, settings: str, problem: str
) -> None:
    (agent.directory / "agent.yaml").write_text(f"{settings}\n")
    found = agent_image(Inventory.take(engine), get_agent("coder"))
    assert found.state is None and problem in str(found.problem)
    assert "mlebench/agent-codex:light" in [each.recipe.tag for each in list_all(engine)]


def test_everything_that_can_be_built_is_listed_after_one_question(engine: Engine, agent: AgentSpec) -> None:
    found = {each.recipe.tag.partition(":")[0]: (each.purpose, each.state) for each in list_all(engine)}
    assert engine.asked == 1
    assert found["mlebench/base"][0] == "base"
    assert found["mlebench/stage-node"] == ("stage node", "current")
    assert found["mlebench/stage-python"] == ("stage python", "missing")
    assert found["mlebench/agent-coder"] == ("agent coder", "current")
    assert found["mlebench/agent-aide"] == ("agent aide", "missing")


class TestWhoAsks:
    """A dry run, a start and the doctor say the same of an agent that is built from a stage."""

    @pytest.fixture
    def unbuilt(self, engine: Engine) -> Callable[..., list[str]]:
        sandbox = DockerSandbox()
        sandbox.__dict__["_connected"] = (engine, Traits())
        return lambda *agents: sandbox.unbuilt(list(agents))

    def test_a_dry_run_names_those_whose_image_is_not_current(
        self, engine: Engine, agent: AgentSpec, unbuilt: Callable[..., list[str]]
    ) -> None:
        assert unbuilt(agent) == []
        assert unbuilt(agent, get_agent("aide"), get_agent("dummy")) == ["aide", "dummy"]
        # the stage is not needed for an image that is there
        del engine.entries[2]
        assert unbuilt(agent) == []
        (agent.directory / "start.sh").write_text("false\n")
        assert unbuilt(agent) == ["coder"]

    def test_a_changed_stage_is_a_reason_to_build(
        self, agent: AgentSpec, unbuilt: Callable[..., list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copy = tmp_path / "copy" / "containers"
        shutil.copytree(content_dir("containers"), copy)
        monkeypatch.setattr(images, "content_dir", lambda name: copy)
        assert unbuilt(agent) == []
        with (copy / "stages" / "node" / "packages.txt").open("a") as file:
            file.write("# a newer Node\n")
        assert unbuilt(agent) == ["coder"]

    def test_one_that_cannot_be_built_hides_no_other(self, agent: AgentSpec, unbuilt: Callable[..., list[str]]) -> None:
        assert unbuilt(replace(agent, stages=("rust",)), get_agent("aide")) == ["aide"]

    def test_an_engine_that_is_away_is_a_problem_and_no_unbuilt_image(
        self, agent: AgentSpec, engine: Engine, unbuilt: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Engine, "images", refuse)
        assert unbuilt(agent) == []

    def test_the_doctor_names_images_and_no_stage(self, engine: Engine) -> None:
        found = {finding.what.partition(":")[0]: finding for finding in doctor._images(engine)}
        assert found["built"].state == "ok" and "mlebench/agent-coder:light" in found["built"].what
        assert found["not built"].state == "warning" and "mlebench/agent-aide:light" in found["not built"].what
        assert not any("mlebench/stage-" in finding.what for finding in found.values())


def refuse(engine: Engine) -> list[dict[str, Any]]:
    raise ConnectionResetError("reset")


@pytest.mark.parametrize("host", ["", "localhost/", "docker.io/"])
def test_an_image_is_found_by_each_of_its_names(host: str) -> None:
    """Podman puts a host before names that were given without one."""
    entry = {
        "Id": "sha256:1",
        "RepoTags": [f"{host}me/mine:latest", f"{host}me/mine:2"],
        "RepoDigests": [f"{host}me/mine@sha256:ab"],
        "Labels": None,
        "Size": None,
    }
    inventory = Inventory.take(Engine([entry, {"Id": "sha256:2", "RepoTags": None, "Size": 1}]))
    for name in ("me/mine", "me/mine:latest", "me/mine:2", "me/mine@sha256:ab", "sha256:1"):
        assert inventory.get(name) is not None and inventory.get(name).id == "sha256:1", name
    for name in ("me/mine:3", "mine", "me/mine@sha256:cd", "", "localhost:5000/me/mine"):
        assert inventory.get(name) is None, name
    assert inventory.get("sha256:2").size == 1


def test_an_engine_that_breaks_off_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "images", refuse)
    with pytest.raises(EngineUnreachable, match="does not list its images"):
        Inventory.take(Engine())
