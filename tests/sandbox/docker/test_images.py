"""Images are built from their recipes, and a changed recipe is noticed."""

from __future__ import annotations

import io
import json
import shutil
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlebench._support.steps import Step
from mlebench.agents import AgentSpec
from mlebench.cli.main import main
from mlebench.errors import UsageError, WorkFailed
from mlebench.profiles import Profile
from mlebench.sandbox.docker import images
from mlebench.sandbox.docker.sandbox import DockerSandbox
from tests.sound_steps import assert_sound


@pytest.fixture
def agent(tmp_path: Path, client: Any, base_image: images.Image) -> Iterator[AgentSpec]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "agent.yaml").write_text("description: a test\n")
    (folder / "start.sh").write_text("echo first\n")
    (folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nCOPY . /home/agent/\n")
    yield AgentSpec(name=name, variant=None, directory=folder)
    for image in client.images.list(name=f"mlebench/agent-{name}"):
        client.images.remove(image.id, force=True)


def ensure(client: Any, agent: AgentSpec) -> tuple[images.Image, list[str]]:
    lines: list[str] = []
    steps: list[Step] = []
    image = images.ensure_agent_image(client, agent, lines.append, listener=steps.append)
    assert_sound(steps, phases=["building"] if lines else [])
    return image, lines


def test_a_pull_reports_the_bytes_of_all_layers() -> None:
    """Sizes become known one after the other, so only the share of what is known can be reported."""

    def event(layer: str, status: str, current: int = 0, total: int = 0) -> dict[str, Any]:
        return {"id": layer, "status": status, "progressDetail": {"current": current, "total": total} if total else {}}

    events = [
        {"status": "Pulling from library/python", "id": "3.11"},
        event("a", "Pulling fs layer"),
        event("a", "Downloading", 10, 100),
        event("b", "Downloading", 5, 50),
        event("a", "Download complete"),
        event("a", "Extracting", 50, 100),
        event("b", "Downloading", 50, 50),
        {"status": "Status: Downloaded newer image"},
    ]
    steps: list[Step] = []
    images._follow_pull(iter(events), "python:3.11", steps.append)
    counts = [(step.done, step.total) for step in steps if step.total is not None]
    assert counts == [(10, 100), (15, 150), (105, 150), (150, 150)]
    assert steps[-1] == Step("python:3.11", "")
    with pytest.raises(WorkFailed, match="cannot be pulled \\(no such manifest\\); build on one that is here"):
        images._follow_pull(iter([{"error": "no such manifest"}]), "python:3.11", steps.append)


class BuildsByScript:
    """An engine that has every image, and whose builds say what they are given."""

    def __init__(self, *builds: str) -> None:
        self._builds = [*builds]
        self.api = self.images = self

    def build(self, **_: Any) -> Iterator[dict[str, Any]]:
        said = self._builds.pop(0)
        yield {"stream": "Step 1/1 : COPY --from=build /opt/codex /opt/codex\n"}
        yield {"error": said} if said else {"stream": "Successfully built"}

    def get(self, reference: str) -> Any:
        return SimpleNamespace(id="sha256:1", labels={}, tags=[reference], attrs={"Size": 1})


UNSEEN = "COPY failed: lstat /var/lib/docker/overlay2/c082b8/merged/opt/codex/bin: no such file or directory"
MISSING = "COPY failed: file not found in build context or excluded by .dockerignore: stat start.sh: file does not exist"


@pytest.mark.parametrize(("builds", "error"), [([UNSEEN, ""], ""), ([MISSING], "does not exist"), ([UNSEEN] * 3, "no such file")])
def test_a_build_in_which_the_engine_loses_sight_of_a_stage_is_begun_anew(
    agent: AgentSpec, builds: list[str], error: str
) -> None:
    engine, lines = BuildsByScript(*builds), list[str]()
    recipe = replace(images.agent_recipe(agent, images.base_recipe("light")), stages=())
    with pytest.raises(WorkFailed, match=error) if error else nullcontext():
        images.build(engine, recipe, lines.append)
    assert engine._builds == []
    assert sum("lost sight" in line for line in lines) == len(builds) - 1


def test_built_once_and_again_when_a_file_changes(client: Any, agent: AgentSpec) -> None:
    first, lines = ensure(client, agent)
    assert lines
    assert client.images.get(first.reference).labels[images.PARENT_LABEL] == "mlebench/base:light"
    again, lines = ensure(client, agent)
    assert (again, lines) == (first, [])
    (agent.directory / "start.sh").write_text("echo second\n")
    changed, lines = ensure(client, agent)
    assert lines and changed.id != first.id
    # not one question for each image, which others may remove meanwhile
    assert first.id not in {entry["Id"] for entry in client.api.images()}


def test_a_new_base_makes_the_agents_image_outdated(client: Any, agent: AgentSpec) -> None:
    base = images.base_recipe("light", client=client)
    recipe = images.agent_recipe(agent, base)
    built = images.build(client, recipe, print)
    assert images.find(client, recipe) == built
    # the same recipe on another parent: labels tell
    other = replace(recipe, parent=base.parent)
    assert images.find(client, other) is None


def test_changed_base_recipe_is_noticed(client: Any, base_image: images.Image, tmp_path: Path) -> None:
    recipe = images.base_recipe("light", client=client)
    assert images.find(client, recipe) == base_image
    copy = tmp_path / "containers"
    shutil.copytree(recipe.context, copy)
    same = replace(recipe, context=copy)
    assert images.find(client, same) == base_image
    (copy / "runtime" / "entrypoint.sh").write_text("exec true\n")
    assert images.find(client, same) is None
    assert images.find(client, replace(recipe, arguments={**recipe.arguments, "PACKAGES": "full"})) is None


def test_secrets_and_caches_of_the_folder_are_not_sent(client: Any, agent: AgentSpec) -> None:
    (agent.directory / ".env").write_text("KEY=very-secret\n")
    (agent.directory / "data").mkdir()
    (agent.directory / "data" / "large.bin").write_text("x")
    (agent.directory / ".dockerignore").write_text("# not needed\ndata\n")
    image, _ = ensure(client, agent)
    listing = client.containers.run(image.id, entrypoint=["find", "/home/agent"], remove=True).decode()
    assert "start.sh" in listing
    assert ".env" not in listing and "large.bin" not in listing


def test_a_dockerfile_copies_from_a_stage_that_a_changed_base_leaves_alone(client: Any, agent: AgentSpec) -> None:
    agent = replace(agent, stages=("node",))
    (agent.directory / "Dockerfile").write_text(
        "ARG BASE\nARG NODE\nFROM ${NODE} AS build\nRUN node --version > /build/version\n"
        "FROM ${BASE}\nCOPY --from=build /build/version /opt/of-node\n"
    )
    image, _ = ensure(client, agent)
    stage = images.agent_recipe(agent, images.base_recipe("light", client=client)).stages[0]
    built = images.find(client, stage)
    version = client.containers.run(image.id, entrypoint=["cat", "/opt/of-node"], remove=True, network_mode="none")
    assert built is not None and version.startswith(b"v2")
    # the stage itself is not part of the image
    which = ["sh", "-c", "command -v node || echo none"]
    assert client.containers.run(image.id, entrypoint=which, remove=True, network_mode="none") == b"none\n"

    (agent.directory / "start.sh").write_text("echo second\n")
    ensure(client, agent)
    assert images.find(client, stage) == built


def test_a_stage_that_does_not_exist_is_said_before_anything_is_built(client: Any, agent: AgentSpec) -> None:
    wrong = replace(agent, stages=("rust",))
    lines: list[str] = []
    with pytest.raises(UsageError, match="builds on the stage `rust`"):
        images.ensure_agent_image(client, wrong, lines.append)
    assert lines == []
    profile = Profile(name="toy", cpus=1, memory="256m", time_limit=30, network="none")
    problems = DockerSandbox().problems([wrong, agent], profile)
    assert [problem for problem in problems if "stage" in problem] == [
        f"agent {agent.name} builds on the stage `rust`, which does not exist; `stages` in its agent.yaml may list node or python"
    ]


def test_agents_find_what_they_build_on_from_every_shell_and_interpreter(client: Any, base_image: images.Image) -> None:
    """A login shell reads the system's profile, which sets PATH anew; an agent's own interpreter has no package of ours."""
    script = (
        "set -e\n"
        "for shell in 'sh -c' 'sh -lc' 'bash -c' 'bash -lc'; do $shell 'command -v python; command -v pip'; done\n"
        "cd /tmp && python3 -m venv --without-pip own\n"
        "for python in python /tmp/own/bin/python; do\n"
        "    $python -c 'import mlebench_agent.conversation as found; print(found.__file__)'\n"
        "done\n"
    )
    output = client.containers.run(base_image.id, entrypoint=["bash", "-c", script], remove=True, network_mode="none")
    found = output.decode().splitlines()
    assert found[:8] == ["/opt/venv/bin/python", "/opt/venv/bin/pip"] * 4
    assert found[8:] == ["/opt/mlebench/lib/mlebench_agent/conversation.py"] * 2


@pytest.mark.parametrize(("own", "expected"), [("/app:/more", "/opt/mlebench/lib:/app:/more"), ("", "/opt/mlebench/lib")])
def test_a_ready_made_image_keeps_its_own_packages(
    client: Any, agent: AgentSpec, base_image: images.Image, own: str, expected: str
) -> None:
    parent = client.images.get(base_image.id).labels[images.PARENT_LABEL]
    tag = f"mlebench/agent-{agent.name}:ready"
    dockerfile = f"FROM {parent}\n" + (f"ENV PYTHONPATH={own}\n" if own else "LABEL none=none\n")
    client.images.build(fileobj=io.BytesIO(dockerfile.encode()), tag=tag, rm=True)
    image, _ = ensure(client, replace(agent, image=tag))
    try:
        script = ["sh", "-c", 'echo "$PYTHONPATH"; python3 -c "import mlebench_agent"']
        output = client.containers.run(image.id, entrypoint=script, remove=True, network_mode="none")
        assert output.decode() == f"{expected}\n"
    finally:
        client.images.remove(image.reference, force=True)


def test_failed_build_tells_its_last_lines(client: Any, agent: AgentSpec) -> None:
    (agent.directory / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\nRUN echo about to break && exit 7\n")
    with pytest.raises(WorkFailed, match="about to break"):
        ensure(client, agent)


def test_parent_that_cannot_be_had_is_said(client: Any, base_image: images.Image) -> None:
    recipe = images.base_recipe("light", "localhost:1/none:1")
    with pytest.raises(WorkFailed, match="--base IMAGE"):
        images.build(client, recipe, print)


def test_unknown_package_set_is_refused() -> None:
    with pytest.raises(UsageError, match="light"):
        images.base_recipe("huge")


def test_base_has_what_agents_rely_on(client: Any, base_image: images.Image) -> None:
    script = (
        "import numpy, pandas, sklearn, scipy, os, pathlib, shutil\n"
        "home = pathlib.Path('/home')\n"
        "assert os.getuid() == 1000\n"
        "assert all(os.access(home / name, os.W_OK) for name in ('submission', 'logs', 'code', 'agent'))\n"
        "assert not os.access(home / 'data', os.W_OK)\n"
        "assert os.access(home / 'validate_submission.sh', os.X_OK)\n"
        "assert shutil.which('pip') and os.access('/opt/venv/lib', os.W_OK)\n"
        "print('fine')"
    )
    output = client.containers.run(base_image.id, entrypoint=["python", "-c", script], remove=True, network_mode="none")
    assert output == b"fine\n"


def test_images_command_builds_nothing_twice(base_image: images.Image, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["images", "build", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["digest"] == base_image.id
    assert told["built"] is False
    assert main(["images", "--json"]) == 0
    states = {row["image"]: row["state"] for row in json.loads(capsys.readouterr().out)}
    assert states["mlebench/base:light"] == "current"
    assert "mlebench/agent-aide:light" in states
    assert {name.partition(":")[0] for name in states} >= {"mlebench/stage-node", "mlebench/stage-python"}


def test_doctor_tries_the_limits_out(base_image: images.Image, capsys: pytest.CaptureFixture[str], client: Any) -> None:
    code = main(["doctor", "--json"])
    findings = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert findings["engine"]["state"] == "ok"
    assert "tested and enforced" in findings["limits"]["what"], findings["limits"]
    assert set(findings) >= {
        "engine",
        "limits",
        "confinement",
        "GPUs",
        "data disk",
        "runs disk",
        "Kaggle",
        "model keys",
        "images",
    }
    assert code == (1 if any(row["state"] == "problem" for row in findings.values()) else 0)
    assert client.containers.list(all=True, filters={"label": "mlebench.run=doctor"}) == []


def test_runs_that_start_together_build_an_image_once(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = images.base_recipe("light")
    built: list[images.Image] = []

    def build(*_: Any) -> images.Image:
        built.append(images.Image(recipe.tag, "sha256:new"))
        return built[-1]

    monkeypatch.setattr(images, "find", lambda *_: built[-1] if built else None)
    monkeypatch.setattr(images, "_build", build)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: images.ensure(None, recipe, print), range(8)))
    assert len(built) == 1
    assert found == built * 8
