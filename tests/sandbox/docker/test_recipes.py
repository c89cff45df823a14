"""What an image is built of, without an engine: one hash says whether it is current."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mlebench._support.paths import content_dir
from mlebench.agents import AgentSpec
from mlebench.errors import UsageError
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


@pytest.fixture
def containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `containers/` that a test may change."""
    copy = tmp_path / "containers"
    shutil.copytree(content_dir("containers"), copy)
    monkeypatch.setattr(images, "content_dir", lambda name: tmp_path / name)
    return copy


class TestStages:
    @pytest.fixture
    def staged(self, agent: AgentSpec) -> AgentSpec:
        return replace(agent, stages=("node", "python"))

    def test_they_stand_on_what_the_base_stands_on_and_are_named_to_the_dockerfile(self, staged: AgentSpec) -> None:
        recipe = recipe_of(staged)
        assert [stage.parent for stage in recipe.stages] == ["parent", "parent"]
        assert recipe.arguments == {
            "BASE": "mlebench/base:light",
            "NODE": recipe.stages[0].tag,
            "PYTHON": recipe.stages[1].tag,
        }
        assert recipe.stages[0].tag.startswith("mlebench/stage-node:")

    def test_a_changed_stage_changes_the_agents_that_copy_from_it(self, staged: AgentSpec, containers: Path) -> None:
        of_node, of_both, of_none = (replace(staged, stages=stages) for stages in (("node",), ("node", "python"), ()))
        before = {agent.stages: recipe_of(agent).hash for agent in (of_node, of_both, of_none)}
        with (containers / "stages" / "python" / "packages.txt").open("a") as file:
            file.write("# changed\n")
        changed = {
            stages for stages, hash_before in before.items() if recipe_of(replace(staged, stages=stages)).hash != hash_before
        }
        assert changed == {("node", "python")}

    @pytest.mark.parametrize(
        "name", ["Dockerfile", "packages/light.txt", "runtime/entrypoint.sh", "runtime/mlebench_agent/task.py"]
    )
    def test_a_changed_base_leaves_them_as_they_are(self, staged: AgentSpec, containers: Path, name: str) -> None:
        base, stages = images.base_recipe("light", "parent"), recipe_of(staged).stages
        before = (base.hash, [stage.hash for stage in stages])
        with (containers / name).open("a") as file:
            file.write("# changed\n")
        assert base.hash != before[0]
        assert [stage.hash for stage in recipe_of(staged).stages] == before[1]

    def test_another_parent_has_stages_of_its_own(self, staged: AgentSpec) -> None:
        here, there = (images.stage_recipe("node", images.base_recipe("light", parent)) for parent in ("parent", "other"))
        assert here.tag != there.tag and here.parent != there.parent
        of_full = images.stage_recipe("node", images.base_recipe("full", "parent"))
        assert (of_full.tag, of_full.hash) == (here.tag, here.hash)

    def test_everything_that_their_dockerfiles_copy_is_sent(self) -> None:
        base = images.base_recipe("light", "parent")
        for name in images.stage_names():
            recipe = images.stage_recipe(name, base)
            lines = (recipe.context / recipe.dockerfile).read_text().splitlines()
            copied = {word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]}
            assert copied and copied <= set(recipe.files)

    @pytest.mark.parametrize("name", ["rust", "../stages/node", "", "node/", "Node"])
    def test_one_that_does_not_exist_is_named_with_its_agent(self, agent: AgentSpec, name: str) -> None:
        with pytest.raises(UsageError, match=r"agent searcher builds on the stage `.*may list node or python"):
            recipe_of(replace(agent, stages=("node", name)))
