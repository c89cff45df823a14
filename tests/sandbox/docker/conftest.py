"""A real engine, images built once, and agents that are a few lines of script."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from docker.errors import APIError

from mlebench.agents import AgentSpec
from mlebench.errors import EngineUnreachable
from mlebench.profiles import Profile
from mlebench.sandbox.base import Outcome, RunRequest
from mlebench.sandbox.docker import engine, images, network
from mlebench.sandbox.docker.container import RUN_LABEL
from mlebench.sandbox.docker.handle import DockerHandle
from mlebench.sandbox.docker.sandbox import DockerSandbox
from mlebench.sandbox.docker.traits import Traits
from tests.waiting import wait_until

HERE = Path(__file__).parent


def until(name: str = "go") -> str:
    """A line of a script that waits for `Bench.let_go`."""
    return f"until [ -e /tmp/{name} ]; do sleep 0.1; done\n"


def assert_no_network_left(client: Any) -> None:
    """The networks of runs that are over are gone, or kept by the engine alone.

    Some engines miscount what they start at once and keep such a network until they are restarted; the next run uses it.
    """
    needed = set().union(*map(network.networks_of, client.api.containers(all=True)))
    for left in client.api.networks(filters={"label": network.OWNER_LABEL}):
        if needed.isdisjoint((left["Id"], left["Name"])):
            with pytest.raises(APIError, match="active endpoints"):
                client.api.remove_network(left["Id"])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and "client" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.docker)
            # one worker: they share images, and some measure what they may use
            item.add_marker(pytest.mark.xdist_group("docker"))


@dataclass
class Ended:
    """A run that is over."""

    outcome: Outcome
    run_dir: Path

    @property
    def log(self) -> str:
        return (self.run_dir / "run.log").read_text(errors="replace")


@dataclass
class Bench:
    """Starts scripted agents on a small public folder."""

    sandbox: DockerSandbox
    folder: Path
    group: str
    enforcement: Literal["enforced", "best-effort"] = "enforced"
    """Whether the engine must hold runs to their limits."""
    engine: str = "docker"

    @property
    def public(self) -> Path:
        return self.folder / "public"

    def request(self, script: str, *, run_id: str = "toy_seed0", **given: Any) -> RunRequest:
        """A request for an agent whose start.sh is `script`; `profile` may hold values that differ."""
        limits = {"cpus": 1, "memory": "512m", "pids": 200, "time_limit": 300, "grace": 3, "network": "none", "snapshot_every": 0,
                  "limits": self.enforcement}  # fmt: skip
        profile = Profile(**{**limits, **given.pop("profile", {})}, name="test")
        agent = self.folder / "agents" / uuid.uuid4().hex[:8]
        agent.mkdir(parents=True)
        (agent / "start.sh").write_text(script)
        for name, content in given.pop("files", {}).items():
            (agent / name).write_text(content)
        spec = AgentSpec(name="scripted", variant=None, directory=agent, arguments=given.pop("arguments", {}))
        content = {"group": self.group, "attempt": 1, "competition_id": "toy", "seed": 0, "public_dir": self.public,
                   "description": "the task", "instructions": "the instructions", "agent": spec, "profile": profile,
                   "run_dir": self.folder / "runs" / run_id}  # fmt: skip
        return RunRequest(run_id=run_id, **{**content, **given})

    def start(self, script: str, **given: Any) -> DockerHandle:
        return self.sandbox.start(self.request(script, **given))

    def run(self, script: str, **given: Any) -> Ended:
        request = self.request(script, **given)
        return self.end(self.sandbox.start(request), request)

    def end(self, handle: DockerHandle, request: RunRequest) -> Ended:
        deadline = handle.started_at + timedelta(seconds=request.profile.time_limit)
        return Ended(handle.wait(deadline), request.run_dir)

    def overrun(self, script: str, **given: Any) -> Ended:
        """The end of a run whose deadline comes once its script has written `ready`."""
        request = self.request(script, **given)
        handle = self.sandbox.start(request)
        wait_for_output(request, "ready")
        return Ended(handle.wait(datetime.now(UTC)), request.run_dir)

    def let_go(self, name: str = "go") -> None:
        """Make the file that the only container's script waits for by `until`."""
        [container] = self.containers()
        assert container.exec_run(["touch", f"/tmp/{name}"]).exit_code == 0

    def containers(self) -> list[Any]:
        """What is left of this bench's runs on the engine."""
        found = engine.connect().containers.list(all=True, ignore_removed=True, filters={"label": engine.LABEL})
        return [each for each in found if each.labels.get(RUN_LABEL, "").startswith(f"{self.folder}/")]


def wait_for_output(request: RunRequest, word: str) -> None:
    """Until a line of the run's log is `word`."""
    log = request.run_dir / "run.log"
    wait_until(
        lambda: log.exists() and word in log.read_text().splitlines(),
        seconds=120,
        explain=lambda: log.exists() and log.read_text(),
    )


@pytest.fixture(scope="session")
def client() -> Any:
    try:
        return engine.connect()
    except EngineUnreachable as error:
        if os.environ.get("MLEBENCH_REQUIRE_DOCKER") == "1":
            pytest.fail(f"MLEBENCH_REQUIRE_DOCKER is set and {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def base_image(client: Any) -> images.Image:
    return images.ensure(client, images.base_recipe("light", client=client), print)


def make_bench(folder: Path) -> Bench:
    public = folder / "public"
    public.mkdir(parents=True)
    (public / "description.md").write_text("of the prepared data")
    (public / "train.csv").write_text("id,x,y\n1,2,3\n")
    (public / "sample_submission.csv").write_text("id,y\n1,0\n")
    # an engine without root may hold nobody to limits, and isolates all the same
    traits = Traits.of(engine.connect())
    return Bench(
        DockerSandbox(), folder, f"t{uuid.uuid4().hex[:10]}", "best-effort" if traits.holds_no else "enforced", traits.name
    )


@pytest.fixture
def bench(tmp_path: Path, base_image: images.Image) -> Iterator[Bench]:
    """Fails a test that leaves a container behind."""
    made = make_bench(tmp_path)
    yield made
    left = made.containers()
    for container in left:
        container.remove(force=True, v=True)
    assert not left, "containers are left over"
