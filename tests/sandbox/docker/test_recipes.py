"""What an image is built of, without an engine: one hash says whether it is current."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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


def recipe_of(agent: AgentSpec) -> images.Recipe:
    return images.agent_recipe(agent, images.base_recipe("light", "parent"))


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
