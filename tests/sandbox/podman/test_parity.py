"""What holds in containers of Docker holds in those of Podman: the same tests, on its socket.

`MLEBENCH_PODMAN` names the socket (`unix:///run/podman/podman.sock`; `.ci/podman-engine.sh` starts an engine and sets it).
Without it these tests are skipped, or fail with MLEBENCH_REQUIRE_PODMAN=1. `make test` runs those that prove most in little time,
`make podman` all of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import docker
import pytest

from mlebench.sandbox.docker import engine, images

ROOT = Path(__file__).parents[3]
TESTS = ROOT / "tests" / "sandbox" / "docker"
PROVE_MOST = (
    "test_isolation.py",
    "test_hostile_output.py",
    "test_limits.py",
    "test_lifecycle.py::test_a_later_harness_attaches_to_a_running_container",
)
MODULES = sorted(path.name for path in TESTS.glob("test_*.py") if "bench" in path.read_text() or "client" in path.read_text())


@pytest.fixture(scope="session")
def podman() -> str:
    """The socket of an engine that has the base image."""
    socket = os.environ.get("MLEBENCH_PODMAN")
    if socket is None:
        if os.environ.get("MLEBENCH_REQUIRE_PODMAN") == "1":
            pytest.fail("MLEBENCH_REQUIRE_PODMAN is set and MLEBENCH_PODMAN names no socket; source `.ci/podman-engine.sh`")
        pytest.skip("MLEBENCH_PODMAN names no socket of Podman")
    hand_over_base(socket)
    return socket


def hand_over_base(socket: str) -> None:
    """Copy the base image of the other engine, if that has it: building another takes minutes, and is tested elsewhere."""
    target = docker.DockerClient(socket, timeout=300)
    recipe = images.base_recipe("light", client=target)
    if images.find(target, recipe) is not None:
        return
    source = engine.connect()
    if images.find(source, recipe) is not None:
        target.images.load(source.images.get(recipe.tag).save(named=recipe.tag))


@pytest.mark.parametrize(
    "tests",
    [*PROVE_MOST, *(pytest.param(name, marks=pytest.mark.podman_whole) for name in MODULES if name not in PROVE_MOST)],
)
@pytest.mark.podman
@pytest.mark.xdist_group("docker")
@pytest.mark.timeout(1800)
def test_what_holds_on_docker_holds_on_podman(tests: str, podman: str, tmp_path: Path) -> None:
    words = ["-q", "-p", "no:cacheprovider", "--basetemp", str(tmp_path / "tests"), str(TESTS / tests)]
    environment = {**os.environ, "DOCKER_HOST": podman, "MLEBENCH_REQUIRE_DOCKER": "1"}
    # a process of a parallel run would take these tests for its own
    environment = {key: value for key, value in environment.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:xdist", *words], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
