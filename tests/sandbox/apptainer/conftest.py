"""A site with a stand-in for Apptainer, our base image in its form, and agents that are a few lines of script."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlebench.agents import AgentSpec
from mlebench.errors import EngineUnreachable
from mlebench.profiles import Profile
from mlebench.sandbox.apptainer import sif, walls
from mlebench.sandbox.apptainer.program import find_program
from mlebench.sandbox.base import RunRequest
from mlebench.sandbox.docker import engine, image_archives, images
from tests.sandbox.apptainer.site import Site
from tests.scripted import SUBMIT, scripted_agent

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and "base_sif" in getattr(item, "fixturenames", ()):
            # our image comes from an engine
            item.add_marker(pytest.mark.docker)
            # one worker: the image is unpacked once
            item.add_marker(pytest.mark.xdist_group("apptainer"))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site that allows what most do; no engine is there, and images are looked for in `images`."""
    made = Site.make(tmp_path / "bin", tmp_path / "unpacked")
    monkeypatch.setenv("PATH", f"{made.folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")
    monkeypatch.setenv("MLEBENCH_IMAGES_DIR", str(tmp_path / "images"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # what archives say they stand on counts, not what this machine builds on
    monkeypatch.delenv("MLEBENCH_BASE_IMAGE", raising=False)
    monkeypatch.setattr(walls, "_known", {})
    return made


@pytest.fixture(scope="session")
def base_sif(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with our base image as the stand-in has it, and its record; the archive itself is gone."""
    try:
        client = engine.connect()
    except EngineUnreachable as error:
        if os.environ.get("MLEBENCH_REQUIRE_DOCKER") == "1":
            pytest.fail(f"MLEBENCH_REQUIRE_DOCKER is set and {error}")
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("images")
    made = Site.make(folder / "bin", folder / "unpacked")
    base = images.ensure(client, images.base_recipe("light", client=client), print)
    archive = image_archives.export(client, base, folder, print)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{made.folder}{os.pathsep}{os.environ['PATH']}")
        sif.convert(find_program(), archive, print)
    archive.path.unlink()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def with_base(site: Site, base_sif: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site on which our base image is ready."""
    monkeypatch.setenv("MLEBENCH_IMAGES_DIR", str(base_sif))
    return site


@pytest.fixture
def agent(tmp_path: Path) -> Callable[..., AgentSpec]:
    """Makes an agent of a script, which runs in the base image."""

    def make(script: str = SUBMIT, settings: str = "description: a script") -> AgentSpec:
        return scripted_agent(tmp_path / "agents" / "scripted", script, settings)

    return make


@pytest.fixture
def request_for(tmp_path: Path) -> Callable[..., RunRequest]:
    """Makes the request of one run of an agent; keywords replace its parts, `limits` those of its profile."""
    public = tmp_path / "public"
    public.mkdir()
    (public / "test.csv").write_text("id\na\nb\n")
    (public / "sample_submission.csv").write_text("id,y\na,1\nb,1\n")
    profile = Profile(name="toy", cpus=1, memory=512 * 2**20, time_limit=300, grace=1, snapshot_every=0, network="none")

    def make(agent: AgentSpec, limits: dict[str, Any] | None = None, **parts: Any) -> RunRequest:
        run_dir = tmp_path / "runs" / "group" / "toy-a_seed0"
        run_dir.mkdir(parents=True, exist_ok=True)
        content: dict[str, Any] = {
            "run_id": "toy-a_seed0",
            "group": f"group-{tmp_path.name}",
            "attempt": 1,
            "competition_id": "toy-a",
            "seed": 7,
            "public_dir": public,
            "description": "What to do.",
            "instructions": "How to do it.",
            "agent": agent,
            "profile": profile.model_copy(update=limits or {}),
            "run_dir": run_dir,
        }
        return RunRequest(**{**content, **parts})

    return make
