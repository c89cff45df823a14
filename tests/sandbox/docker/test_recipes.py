"""What an image is built of, without an engine: one hash says whether it is current, and nothing is read for it twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker.errors
import pytest

from mlebench.agents import AgentSpec
from mlebench.sandbox.docker import images


@pytest.fixture
def agent(tmp_path: Path) -> AgentSpec:
    folder = tmp_path / "searcher"
    folder.mkdir()
    (folder / "start.sh").write_text("echo first\n")
    (folder / "search.py").write_text("print()\n")
    (folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY . /home/agent/\n")
    return AgentSpec(name="searcher", variant=None, directory=folder)


class Client:
    """An engine whose images are built already, of the recipes that it is given."""

    def __init__(self, *recipes: images.Recipe) -> None:
        self.images = self
        self.labels = {
            recipe.tag: {images.RECIPE_LABEL: recipe.hash, images.PARENT_ID_LABEL: "sha256:parent"} for recipe in recipes
        }

    def get(self, reference: str) -> Any:
        if reference not in self.labels:
            raise docker.errors.ImageNotFound(reference)
        return SimpleNamespace(id="sha256:parent", labels=self.labels[reference])


def recipe_of(agent: AgentSpec) -> images.Recipe:
    return images.agent_recipe(agent, images.base_recipe("light", "parent"))


def test_an_agents_folder_is_read_once_at_a_start(agent: AgentSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start compares the agent's fingerprint with the planned one and its image's recipe with the built one."""
    base = images.base_recipe("light", "parent")
    client: Any = Client(base, images.agent_recipe(agent, base))
    monkeypatch.setenv("MLEBENCH_BASE_IMAGE", "parent")
    # as if the agent had been written a while ago
    monkeypatch.setattr("mlebench.agents._SETTLED_SECONDS", 0)
    read: list[Path] = []
    opened = Path.open

    def watched(path: Path, *given: Any, **more: Any) -> Any:
        read.append(path)
        return opened(path, *given, **more)

    monkeypatch.setattr(Path, "open", watched)
    agent.fingerprint()
    assert images.ensure_agent_image(client, agent, print).id == "sha256:parent"
    assert sorted(path.name for path in read if path.is_relative_to(agent.directory)) == ["Dockerfile", "search.py", "start.sh"]


@pytest.mark.parametrize("name", ["start.sh", "search.py", "Dockerfile", "new.py"])
def test_every_file_of_the_agent_counts(agent: AgentSpec, name: str) -> None:
    before = recipe_of(agent).hash
    (agent.directory / name).write_text("changed\n")
    assert recipe_of(agent).hash != before


def test_what_never_reaches_the_image_does_not_count(agent: AgentSpec) -> None:
    before = recipe_of(agent).hash
    (agent.directory / ".env").write_text("KEY=secret\n")
    (agent.directory / "__pycache__").mkdir()
    (agent.directory / "__pycache__" / "search.cpython-311.pyc").write_text("x")
    assert recipe_of(agent).hash == before


def test_a_permission_to_execute_counts_and_that_of_a_script_is_taken_for_granted(agent: AgentSpec) -> None:
    before = recipe_of(agent).hash
    (agent.directory / "start.sh").chmod(0o755)
    assert recipe_of(agent).hash == before
    (agent.directory / "search.py").chmod(0o755)
    assert recipe_of(agent).hash != before


def test_the_base_counts(agent: AgentSpec) -> None:
    recipe = recipe_of(agent)
    assert replace(recipe, arguments={"BASE": "another"}).hash != recipe.hash
